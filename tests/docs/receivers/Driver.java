import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** Judges messages with the Java code of docs/receivers.md: a case per line, `accepted` or `refused` per line. */
public final class Driver {
    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null;) {
            try {
                accept(line.split("\t", -1));
                System.out.println("accepted");
            } catch (Exception why) {
                System.out.println("refused: " + why.toString().replace("\n", " "));
            }
        }
    }

    private static void accept(String[] fields) throws Exception {
        byte[] body = Base64.getDecoder().decode(fields[5]);
        if (fields[0].equals("hmac")) {
            var headers = Map.of("Webhook-Id", fields[2], "Webhook-Timestamp", fields[3], "Webhook-Signature", fields[4]);
            if (!Verify.hmac(fields[1], headers::get, body).equals(fields[2])) {
                throw new Exception("another id");
            }
            return;
        }
        String key = new String(Base64.getDecoder().decode(fields[1]), StandardCharsets.UTF_8);
        var claims = Verify.jwt(key, fields[2], fields[3], fields[4], body, bytes -> new Json(bytes).object());
        if (!((Map<?, ?>) claims.get("data")).get("event").equals("request.create")) {
            throw new Exception("other claims");
        }
    }

    /** Just enough of a reader of JSON for this test. */
    private static final class Json {
        private final String text;
        private int at;

        Json(byte[] bytes) {
            text = new String(bytes, StandardCharsets.UTF_8);
        }

        Map<String, Object> object() {
            var map = new HashMap<String, Object>();
            take('{');
            while (next() != '}') {
                String name = string();
                take(':');
                map.put(name, value());
                if (next() == ',') {
                    at++;
                }
            }
            take('}');
            return map;
        }

        private Object value() {
            char first = next();
            if (first == '{') {
                return object();
            }
            if (first == '"') {
                return string();
            }
            int start = at;
            while (",}".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(start, at);
            return word.equals("null") ? null : word.matches("-?[0-9]+") ? (Object) Long.valueOf(word) : word;
        }

        private String string() {
            take('"');
            int end = text.indexOf('"', at);
            String found = text.substring(at, end);
            at = end + 1;
            return found;
        }

        private char next() {
            while (text.charAt(at) == ' ') {
                at++;
            }
            return text.charAt(at);
        }

        private void take(char wanted) {
            if (next() != wanted) {
                throw new IllegalArgumentException("JSON with another character at " + at);
            }
            at++;
        }
    }
}

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.function.Function;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    /** Gives the id of an authentic message. Throws for any other. */
    public static String hmac(String secret, Function<String, String> header, byte[] body)
            throws GeneralSecurityException {
        String id = header.apply("Webhook-Id"), timestamp = header.apply("Webhook-Timestamp");
        String signatures = header.apply("Webhook-Signature");
        if (id == null || timestamp == null || signatures == null || !timestamp.matches("[0-9]{1,18}")
                || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
            throw new GeneralSecurityException("a header is missing, or the timestamp is more than five minutes off");
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
        for (String signature : signatures.split(" ")) {
            if (MessageDigest.isEqual(signature.getBytes(UTF_8), expected)) {
                return id;
            }
        }
        throw new GeneralSecurityException("no signature matches");
    }

    /**
     * Gives the claims of an authentic message; its data is the claim "data". Throws for any other. {@code json} reads a JSON
     * object, with the library of your choice: with Jackson, {@code bytes -> mapper.readValue(bytes, Map.class)}.
     */
    public static Map<String, Object> jwt(String key, String algorithm, String audience, String issuer, byte[] body,
            Function<byte[], Map<String, Object>> json) throws GeneralSecurityException {
        String token = String.valueOf(json.apply(body).get("jwt"));
        String[] parts = token.split("\\.", -1);
        Base64.Decoder base64 = Base64.getUrlDecoder();
        if (parts.length != 3 || !algorithm.equals(json.apply(base64.decode(parts[0])).get("alg"))) {
            throw new GeneralSecurityException("this is no JWT, or it has another algorithm");
        }
        if (!isSigned(key, algorithm, (parts[0] + "." + parts[1]).getBytes(UTF_8), base64.decode(parts[2]))) {
            throw new GeneralSecurityException("the signature does not match");
        }
        Map<String, Object> claims = json.apply(base64.decode(parts[1]));
        long now = Instant.now().getEpochSecond();
        if (!issuer.equals(claims.get("iss")) || !audience.equals(claims.get("aud")) || claims.get("jti") == null
                || !(claims.get("iat") instanceof Number signed) || Math.abs(now - signed.longValue()) > 60
                || claims.get("exp") instanceof Number expires && now >= expires.longValue()) {
            throw new GeneralSecurityException("another issuer or audience, or not of the last minute");
        }
        return claims;
    }

    private static boolean isSigned(String key, String algorithm, byte[] signed, byte[] signature)
            throws GeneralSecurityException {
        String bits = algorithm.substring(2);
        if (algorithm.startsWith("HS")) {
            Mac mac = Mac.getInstance("HmacSHA" + bits);
            mac.init(new SecretKeySpec(Base64.getUrlDecoder().decode(key), "HmacSHA" + bits));
            return MessageDigest.isEqual(mac.doFinal(signed), signature);
        }
        boolean isRsa = algorithm.startsWith("RS");
        byte[] der = Base64.getMimeDecoder().decode(key.replaceAll("-----[A-Z ]+-----", ""));
        Signature verifier = Signature.getInstance("SHA" + bits + (isRsa ? "withRSA" : "withECDSAinP1363Format"));
        verifier.initVerify(KeyFactory.getInstance(isRsa ? "RSA" : "EC").generatePublic(new X509EncodedKeySpec(der)));
        verifier.update(signed);
        return verifier.verify(signature);
    }
}

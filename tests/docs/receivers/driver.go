// Judges messages with the Go code of docs/receivers.md: a case per line, `accepted` or `refused` per line.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strings"

	receiver "hookline/receiver"
)

func accept(fields []string) error {
	body, err := base64.StdEncoding.DecodeString(fields[5])
	if err != nil {
		return err
	}
	if fields[0] == "hmac" {
		header := http.Header{}
		for i, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
			header.Set(name, fields[2+i])
		}
		id, err := receiver.VerifyHMAC(fields[1], header, body)
		if err == nil && id != fields[2] {
			return fmt.Errorf("another id")
		}
		return err
	}
	key, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return err
	}
	claims, err := receiver.VerifyJWT(string(key), fields[2], fields[3], fields[4], body)
	if err == nil && (!strings.HasPrefix(string(claims.Data), `{"webhook_id":`) || len(claims.ID) != 64) {
		return fmt.Errorf("other claims")
	}
	return err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := accept(strings.Split(lines.Text(), "\t")); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println("accepted")
		}
	}
}

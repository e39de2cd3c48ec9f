package receiver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// VerifyHMAC gives the id of an authentic message, and an error for any other.
func VerifyHMAC(secret string, header http.Header, body []byte) (string, error) {
	id, timestamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "", errors.New("the timestamp is more than five minutes off")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, signature := range strings.Fields(header.Get("Webhook-Signature")) {
		if hmac.Equal([]byte(signature), expected) {
			return id, nil
		}
	}
	return "", errors.New("no signature matches")
}

// Claims are what a JWT says. The data of the message is Data.
type Claims struct {
	Data     json.RawMessage `json:"data"`
	ID       string          `json:"jti"`
	Issuer   string          `json:"iss"`
	Audience string          `json:"aud"`
	IssuedAt int64           `json:"iat"`
	Expires  int64           `json:"exp"`
}

// VerifyJWT gives the claims of an authentic message, and an error for any other.
func VerifyJWT(key, algorithm, audience, issuer string, body []byte) (*Claims, error) {
	var message struct{ JWT string }
	if err := json.Unmarshal(body, &message); err != nil {
		return nil, err
	}
	parts := strings.Split(message.JWT, ".")
	if len(parts) != 3 {
		return nil, errors.New("this is no JWT")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return nil, err
		}
	}
	var head struct{ Alg string }
	if err := json.Unmarshal(decoded[0], &head); err != nil || head.Alg != algorithm {
		return nil, errors.New("the JWT has another algorithm")
	}
	if !isSigned(key, algorithm, []byte(parts[0]+"."+parts[1]), decoded[2]) {
		return nil, errors.New("the signature does not match")
	}
	claims := new(Claims)
	if err := json.Unmarshal(decoded[1], claims); err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	switch {
	case claims.Issuer != issuer || claims.Audience != audience || claims.ID == "":
		return nil, errors.New("the JWT has another issuer or audience")
	case now-claims.IssuedAt > 60 || claims.IssuedAt-now > 60:
		return nil, errors.New("the JWT was signed more than a minute ago")
	case claims.Expires != 0 && now >= claims.Expires:
		return nil, errors.New("the JWT has expired")
	}
	return claims, nil
}

func isSigned(key, algorithm string, signed, signature []byte) bool {
	hash, known := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[2:]]
	if !known {
		return false
	}
	if algorithm[:2] == "HS" {
		secret, err := base64.RawURLEncoding.DecodeString(key)
		mac := hmac.New(hash.New, secret)
		mac.Write(signed)
		return err == nil && hmac.Equal(mac.Sum(nil), signature)
	}
	digest := hash.New()
	digest.Write(signed)
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return false
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return false
	}
	switch public := public.(type) {
	case *rsa.PublicKey:
		return algorithm[:2] == "RS" && rsa.VerifyPKCS1v15(public, hash, digest.Sum(nil), signature) == nil
	case *ecdsa.PublicKey:
		size := (public.Curve.Params().BitSize + 7) / 8
		if algorithm[:2] != "ES" || len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(public, digest.Sum(nil), r, s)
	}
	return false
}

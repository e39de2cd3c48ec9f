// Checks a signature of the Standard Webhooks kind in the browser. The secret goes nowhere.

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/**
 * What `Webhook-Signature` must hold, for these exact bytes.
 * @param {string} secret `whsec_…` @param {string} id @param {string} timestamp @param {string} body
 */
export async function sign(secret, id, timestamp, body) {
  if (!crypto.subtle) throw new Error('Browsers check signatures only on pages that come over https.');
  let key;
  try {
    key = Uint8Array.from(atob(secret.trim().replace(/^whsec_/, '')), (sign) => sign.charCodeAt(0));
  } catch {
    throw new Error('This is not a secret: it is whsec_ and then base64.');
  }
  if (!key.length) throw new Error('This is not a secret: it is whsec_ and then base64.');
  const hmac = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signed = await crypto.subtle.sign('HMAC', hmac, new TextEncoder().encode(`${id}.${timestamp}.${body}`));
  return `v1,${base64(new Uint8Array(signed))}`;
}

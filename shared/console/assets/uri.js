// A URI as it is typed: its parts, and whether its host will be refused. The API has the last word.

/** Networks that are refused unless a setting allows them, as prefix, length and name. @type {[string, number, string][]} */
const REFUSED = [
  ['0.0.0.0', 8, 'unspecified'], ['10.0.0.0', 8, 'private'], ['100.64.0.0', 10, 'carrier-grade NAT'], ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'], ['172.16.0.0', 12, 'private'], ['192.0.0.0', 24, 'reserved'], ['192.0.2.0', 24, 'documentation'],
  ['192.88.99.0', 24, '6to4'], ['192.168.0.0', 16, 'private'], ['198.18.0.0', 15, 'benchmarking'], ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'], ['224.0.0.0', 4, 'multicast'], ['240.0.0.0', 4, 'reserved'],
];
const PORTS = [22, 23, 25, 110, 143, 445, 465, 587, 993, 995, 3306, 5432, 6379, 11211, 27017];

/** @param {string} address */
const number = (address) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/**
 * @param {string} typed
 * @returns {{parts: [string, string][], warnings: string[]}|null} null if it is no http(s) URI
 */
export function read(typed) {
  let url;
  try {
    // Browsers remove what the API refuses.
    if (/[\u0000-\u0020\u007f]/.test(typed.trim())) return null;
    url = new URL(typed.trim());
  } catch {
    return null;
  }
  if (!/^https?:$/.test(url.protocol) || !url.hostname) return null;
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  /** @type {[string, string][]} */
  const parts = [['Scheme', url.protocol.slice(0, -1)], ['Host', url.hostname], ['Port', String(port)], ['Path', url.pathname]];
  if (url.search) parts.push(['Query', url.search.slice(1)]);
  if (url.username) parts.push(['User', decodeURIComponentSafely(url.username)]);
  const warnings = [];
  const reason = refusal(url.hostname);
  if (reason) warnings.push(`${url.hostname} is ${reason}: refused, unless this service allows it.`);
  if (PORTS.includes(port)) warnings.push(`Port ${port} is refused by default.`);
  if (url.hash) warnings.push('A URI with a fragment (#) is refused.');
  if (!secure) warnings.push('Messages travel without encryption. Use https where you can.');
  return { parts, warnings };
}

/** @param {string} text */
function decodeURIComponentSafely(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} host */
function refusal(host) {
  if (host === 'localhost' || host.endsWith('.localhost')) return 'a name of this machine';
  if (host.startsWith('[')) {
    if (/^\[(::1?|fe[89ab].*|f[cd].*|ff.*|::ffff:.*|64:ff9b:.*|200[12]:.*:.*|2001:db8:.*)\]$/.test(host) && !/^\[2001:[1-9a-f]/.test(host)) return 'not a public address';
    return null;
  }
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(host)) return null;
  const address = number(host);
  const network = REFUSED.find(([prefix, length]) => Math.floor(address / 2 ** (32 - length)) === Math.floor(number(prefix) / 2 ** (32 - length)));
  return network ? `a ${network[2]} address` : null;
}

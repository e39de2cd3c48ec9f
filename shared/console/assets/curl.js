// A request as a command for the shell.

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {{uri: string, headers: Record<string, any>}} request @param {string|null} body */
export function curl({ uri, headers }, body) {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `-H ${quoted(`${name}: ${one}`)}`));
  return [`curl -X POST ${quoted(uri)}`, ...lines, ...(body === null ? [] : [`--data-binary ${quoted(body)}`])].join(' \\\n  ');
}

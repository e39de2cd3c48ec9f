// JSON as it came. `JSON.parse` would change numbers (1.50, or an id of 20 digits), and a signature is over exact bytes.

/** The index after the string that begins at `at`. @param {string} text @param {number} at */
function stringEnd(text, at) {
  for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
  return at + 1;
}

/** The index after the value that begins at `at`. @param {string} text @param {number} at */
function valueEnd(text, at) {
  if (text[at] === '"') return stringEnd(text, at);
  let depth = 0;
  for (; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') at = stringEnd(text, at) - 1;
    else if (sign === '{' || sign === '[') depth++;
    else if (sign === '}' || sign === ']') {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (sign === ',' && depth === 0) return at;
  }
  return at;
}

/** @param {string} text @param {number} at */
function skipSpace(text, at) {
  while (/\s/.test(text[at] ?? '')) at++;
  return at;
}

/**
 * The text of the value below these keys of an object; null if there is none. `text` is valid JSON.
 * @param {string} text @param {string[]} keys @returns {string|null}
 */
export function textAt(text, keys) {
  const [wanted, ...rest] = keys;
  if (wanted === undefined) return text.trim();
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return null;
  for (at = skipSpace(text, at + 1); text[at] === '"'; at = skipSpace(text, at + 1)) {
    const keyEnd = stringEnd(text, at);
    const key = JSON.parse(text.slice(at, keyEnd));
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, start);
    if (key === wanted) return textAt(text.slice(start, end), rest);
    at = skipSpace(text, end);
    if (text[at] !== ',') return null;
  }
  return null;
}

/** The same JSON on indented lines. @param {string} text */
export function pretty(text) {
  const out = [];
  let depth = 0;
  const line = () => out.push('\n' + '  '.repeat(Math.min(depth, 40)));
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') {
      const end = stringEnd(text, at);
      out.push(text.slice(at, end));
      at = end - 1;
    } else if (sign === '{' || sign === '[') {
      const close = skipSpace(text, at + 1);
      if (text[close] === '}' || text[close] === ']') {
        out.push(sign + text[close]);
        at = close;
      } else {
        out.push(sign);
        depth++;
        line();
      }
    } else if (sign === '}' || sign === ']') {
      depth--;
      line();
      out.push(sign);
    } else if (sign === ',') {
      out.push(',');
      line();
    } else if (sign === ':') out.push(': ');
    else if (!/\s/.test(sign)) out.push(sign);
  }
  return out.join('');
}

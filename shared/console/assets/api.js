// Calls of the REST API. The page lies at `<public URL>/console`, and the API beside it at `/v1`.

import { session, signInAgain } from './session.js';

const BASE = location.pathname.replace(/\/console(\/.*)?$/, '') + '/v1';

/**
 * @typedef {Object} Answer
 * @property {number} status
 * @property {any} data
 * @property {Headers} headers
 * @property {string} text the body as it came, whose numbers are those that the publisher wrote
 */

/** An answer that is not 2xx, or no answer at all (status 0). */
export class Failure extends Error {
  /** @param {number} status @param {string} message @param {string[][]} errors @param {string|null} requestId */
  constructor(status, message, errors, requestId) {
    super(message);
    this.status = status;
    this.errors = errors;
    this.requestId = requestId;
  }

  /** The sentences for one field of a form, which may be several of the API. @param {...string} fields */
  of(...fields) {
    return this.errors.filter(([name]) => fields.includes(name)).map(([, sentence]) => sentence);
  }
}

/**
 * @param {string} path below `/v1`
 * @param {{method?: string, body?: any, token?: string|null, headers?: Record<string, string>}} [options]
 * @returns {Promise<Answer>}
 */
export async function exchange(path, { method = 'GET', body, token = session.value?.token ?? null, headers = {} } = {}) {
  /** @type {Response} */
  let response;
  let text;
  try {
    response = await fetch(BASE + path, {
      method,
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
    text = await response.text();
  } catch {
    throw new Failure(0, 'The service did not answer. Check the connection and try again.', [], null);
  }
  const requestId = response.headers.get('X-Request-Id');
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    if (response.ok) throw new Failure(response.status, 'The answer is not JSON.', [], requestId);
  }
  if (response.ok) return { status: response.status, data, headers: response.headers, text };
  const message = response.status === 429 ? tooMany(response.headers) : data?.message ?? response.statusText;
  throw new Failure(response.status, message, data?.errors ?? [], requestId);
}

/** @param {Headers} headers */
function tooMany(headers) {
  const wait = headers.get('Retry-After');
  return wait ? `Too many requests. Try again in ${wait} s.` : 'Too many requests. Try again later.';
}

/**
 * A call of the signed-in person. If the token has ended or lost its role, the sign-in page comes up over the screen,
 * which keeps what was typed.
 * @param {string} path @param {{method?: string, body?: any, headers?: Record<string, string>}} [options]
 */
export async function call(path, options) {
  const token = session.value?.token;
  try {
    return await exchange(path, options);
  } catch (failure) {
    if (failure instanceof Failure && token === session.value?.token) {
      if (failure.status === 401) signInAgain('Your token has expired or was revoked. Sign in again: what you typed is kept.');
      if (failure.status === 403) signInAgain('Your token may no longer do this. Sign in with another token: what you typed is kept.');
    }
    throw failure;
  }
}

/** @param {string} path */
export const get = async (path) => (await call(path)).data;

/** @param {string} method @param {string} path @param {any} [body] */
export const send = async (method, path, body) => (await call(path, { method, body })).data;

/** A query string without the empty parameters. @param {Record<string, string|number|boolean|null|undefined>} parameters */
export function query(parameters) {
  const kept = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return kept.length ? '?' + kept.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&') : '';
}

/** The cursor of a `Link` of an answer. @param {Headers} headers @param {string} rel @param {string} parameter */
export function cursor(headers, rel, parameter) {
  const link = (headers.get('Link') ?? '').split(', ').find((part) => part.endsWith(`rel="${rel}"`));
  return link ? new URL(link.slice(1, link.indexOf('>'))).searchParams.get(parameter) : null;
}

/** The URL of the API as a client outside this page writes it. @param {string} path */
export const absolute = (path) => location.origin + BASE + path;

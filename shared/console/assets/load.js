// Loading and changing, with what a screen shows meanwhile.

import { useCallback, useEffect, useRef, useState } from './vendor/hooks.js';
import { Failure } from './api.js';
import { asked, session } from './session.js';

/**
 * @template T
 * @typedef {{data?: T, failure?: Failure, loading: boolean, reload: () => void}} Loaded
 */

/** @param {any} thrown */
const failureOf = (thrown) => (thrown instanceof Failure ? thrown : new Failure(0, String(thrown?.message ?? thrown), [], null));

/**
 * Loads when the screen opens, when `inputs` change and after a new sign-in. Until the answer comes, the last one stays.
 * @template T
 * @param {() => Promise<T>} load @param {any[]} inputs
 * @returns {Loaded<T>}
 */
export function useLoad(load, inputs) {
  const [state, setState] = useState(/** @type {{data?: T, failure?: Failure, loading: boolean}} */ ({ loading: true }));
  const latest = useRef(0);
  const reload = useCallback(() => {
    const mine = ++latest.current;
    setState((before) => ({ ...before, loading: true }));
    load().then(
      (data) => mine === latest.current && setState({ data, loading: false }),
      (thrown) => mine === latest.current && setState((before) => ({ ...(asked.value ? before : {}), failure: failureOf(thrown), loading: false })),
    );
  }, inputs);
  useEffect(() => {
    reload();
    return () => void latest.current++;
  }, [...inputs, session.value?.token]);
  return { ...state, reload };
}

/**
 * An action of a button: one at a time, with its failure kept for the screen.
 * @returns {{busy: boolean, failure: Failure|null, run: (act: () => Promise<any>) => Promise<boolean>, clear: () => void}}
 */
export function useAction() {
  const [state, setState] = useState(/** @type {{busy: boolean, failure: Failure|null}} */ ({ busy: false, failure: null }));
  const busy = useRef(false);
  const run = async (/** @type {() => Promise<any>} */ act) => {
    if (busy.current) return false;
    busy.current = true;
    setState({ busy: true, failure: null });
    try {
      await act();
      setState({ busy: false, failure: null });
      return true;
    } catch (thrown) {
      setState({ busy: false, failure: failureOf(thrown) });
      return false;
    } finally {
      busy.current = false;
    }
  };
  return { ...state, run, clear: () => setState({ busy: false, failure: null }) };
}

/** Calls again and again while the page is visible. @param {() => void} call @param {number} seconds @param {any[]} inputs */
export function useEvery(call, seconds, inputs) {
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && !asked.value && call(), seconds * 1000);
    return () => clearInterval(timer);
  }, inputs);
}

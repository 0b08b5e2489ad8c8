/** Small settings kept in this browser. Where storage is switched off nothing is kept, and nothing fails. */

/**
 * @param {string} name
 * @param {Storage} [storage] where; `localStorage` unless given
 * @returns {string | null}
 */
export function kept(name, storage) {
  try {
    return (storage ?? localStorage).getItem(name);
  } catch {
    return null; // storage is switched off
  }
}

/**
 * @param {string} name
 * @param {string | null} value null removes it
 * @param {Storage} [storage] where; `localStorage` unless given
 * @returns {boolean} whether it is kept
 */
export function keep(name, value, storage) {
  try {
    const place = storage ?? localStorage;
    if (value === null) place.removeItem(name);
    else place.setItem(name, value);
    return true;
  } catch {
    return false; // storage is switched off, or full
  }
}

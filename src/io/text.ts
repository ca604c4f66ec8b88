/** Text with what cannot be seen (controls, direction marks, lone surrogates, line separators) written as an escape. */
export function escapeUnseen(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16)}}`);
}

/** Text of a client's choosing, made safe to show: the API server silently drops a warning with control characters. */
export function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}

/** Keeps both ends: controllers differ at the end of their names, people at the beginning. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  // A character is at most two units, so what is far from both ends is never shown.
  const isLong = text.length > 4 * length;
  const characters = isLong ? [...text.slice(0, 2 * length), ...text.slice(-2 * length)] : [...text];
  if (characters.length <= length) return text;
  const head = Math.ceil((length - 1) / 2);
  const tail = length - 1 - head;
  return `${characters.slice(0, head).join('')}…${tail === 0 ? '' : characters.slice(-tail).join('')}`;
}

/** In characters, of which some are two units of a JavaScript string. */
export function lengthOf(text: string): number {
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}

/** `1 file`, `1,200 files`. */
export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** With commas between thousands. */
export function number(count: number): string {
  return count.toLocaleString('en-US');
}

/** Of bytes, without decimals: `12 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

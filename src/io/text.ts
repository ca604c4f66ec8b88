/** Text with what cannot be seen (controls, direction marks, lone surrogates, line separators) written as an escape. */
export function escapeUnseen(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16)}}`);
}

/**
 * Unicode simple case folding, code point by code point, as `/iu` and RE2 have it. Never of whole strings: 'ΑΣ' would become
 * 'ας' and not be found in 'ασα'. ASCII, nearly everything Kubernetes says, takes the short way.
 */
export function foldCase(text: string): string {
  if (text !== lastText) {
    lastFolded = fold(text);
    lastText = text;
  }
  return lastFolded;
}

/** A thousand rules ask about one text, one after another. */
let lastText = '';
let lastFolded = '';

function fold(text: string): string {
  let hasUpper = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 127) return foldEach(text);
    hasUpper ||= code >= 65 && code <= 90;
  }
  return hasUpper ? text.toLowerCase() : text;
}

/** Nothing beyond the second plane (U+1FFFF) has case. */
const TABLE_SIZE = 0x20000;

/** Dotless ı has the upper case of i, but folds only to itself; the others are one letter encoded twice. */
const SPECIAL = new Map([
  ['ı', 'ı'],
  ['\u{1fd3}', '\u{390}'],
  ['\u{1fe3}', '\u{3b0}'],
  ['\u{fb05}', '\u{fb06}'],
]);

/**
 * By code point. Made when the first text beyond ASCII comes, because most processes see none; and whole, because asking the
 * language for each character of a large text would take a microsecond each.
 */
let table: Uint32Array | undefined;

function createTable(): Uint32Array {
  const folded = Uint32Array.from({ length: TABLE_SIZE }, (_, codePoint) => codePoint);
  for (let from = 0; from < TABLE_SIZE; from += CHUNK) {
    const characters = String.fromCodePoint(...folded.subarray(from, from + CHUNK));
    for (const [character] of characters.matchAll(/\p{Changes_When_Casemapped}/gu)) {
      folded[codePointOf(character)] = foldCharacter(character);
    }
  }
  return folded;
}

/** By way of the upper case, so that ς meets σ and ſ meets s. A case of several characters (ß, İ) is no simple one. */
function foldCharacter(character: string): number {
  const special = SPECIAL.get(character);
  if (special !== undefined) return codePointOf(special);
  const upper = character.toUpperCase();
  const lower = (isOneCharacter(upper) ? upper : character).toLowerCase();
  return codePointOf(isOneCharacter(lower) ? lower : character);
}

function isOneCharacter(text: string): boolean {
  return text.length === String.fromCodePoint(codePointOf(text)).length;
}

function codePointOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/** Arguments of one call. */
const CHUNK = 8192;

/** A code point and what it folds to have the same length, so the text keeps its length. A lone surrogate stays as it is. */
function foldEach(text: string): string {
  table ??= createTable();
  const units = new Uint16Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const codePoint = text.codePointAt(at) ?? 0;
    const folded = table[codePoint] ?? codePoint;
    if (codePoint < 0x10000) {
      units[at] = folded;
    } else {
      units[at] = 0xd800 + ((folded - 0x10000) >> 10);
      units[at + 1] = 0xdc00 + (folded & 0x3ff);
      at += 1;
    }
  }
  let folded = '';
  for (let at = 0; at < units.length; at += CHUNK) {
    folded += String.fromCharCode(...units.subarray(at, at + CHUNK));
  }
  return folded;
}

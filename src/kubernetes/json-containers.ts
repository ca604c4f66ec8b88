const [QUOTE, BACKSLASH, BRACKET, BRACE] = Buffer.from('"\\[{');

/** How many objects and lists a JSON text holds, by its bytes alone; of a text that is not JSON, some number. */
export function countContainers(json: Buffer): number {
  let count = 0;
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === BRACKET || byte === BRACE) count += 1;
  }
  return count;
}

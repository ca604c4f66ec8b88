/** Enough of a rule's id to name it. A rule without an id has its file and title in its place, which stay whole. */
export function shortId(id: string): string {
  return id.length === 36 ? id.slice(0, 8) : id;
}

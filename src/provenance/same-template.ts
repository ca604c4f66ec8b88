import type { PodTemplate } from './known-objects.ts';

/** Whether two templates are one, as far as they are kept. */
export function sameTemplate({ images: one }: PodTemplate, { images: other }: PodTemplate): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

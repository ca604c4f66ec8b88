import { asObject } from '../kubernetes/as-object.ts';

/** The JSON of an annotation. A client may have forged it. */
export function objectIn(annotation: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(annotation ?? '{}')) ?? {};
  } catch {
    return {};
  }
}

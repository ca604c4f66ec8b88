import { loadAll } from 'js-yaml';
import { parseAdmissionReview } from '../kubernetes/admission-review.ts';
import { auditEventFromAdmission, type Observation } from '../kubernetes/audit-event.ts';
import { parseAuditEvent } from '../kubernetes/logged-event.ts';
import { isLoggedMirrorPod, isMirrorPod } from '../provenance/mirror-pod.ts';

/** A request as somebody wrote it down: at `serve` it is an AdmissionReview, at `replay` an event of an audit log. */
export interface ObservedEvent {
  readonly door: 'serve' | 'replay';
  readonly observation: Observation;
}

/**
 * Reads every document of a text, JSON or YAML: an AdmissionReview, an event of an audit log, or a list of these. Throws an
 * Error that says what is wrong with the first that is none.
 */
export function parseObservedEvents(text: string): readonly ObservedEvent[] {
  return loadAll(text).flatMap((document) => {
    const items = kindOf(document) === 'EventList' ? (document as { items?: unknown }).items : [document];
    if (!Array.isArray(items)) throw new Error('items: expected a list');
    return items.map(parseObservedEvent);
  });
}

function parseObservedEvent(value: unknown): ObservedEvent {
  if (kindOf(value) !== 'AdmissionReview') {
    const observation = parseAuditEvent(value, (event) => ({ mirrorPod: isLoggedMirrorPod(event) }));
    return { door: 'replay', observation };
  }
  const request = parseAdmissionReview(Buffer.from(JSON.stringify(value)));
  const provenance = { mirrorPod: isMirrorPod(request) };
  return {
    door: 'serve',
    observation: auditEventFromAdmission(request, provenance, new Date().toISOString()),
  };
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
}

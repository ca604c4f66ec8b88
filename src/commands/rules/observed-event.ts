import { loadAll } from 'js-yaml';
import { parseAdmissionReview } from '../../kubernetes/admission-review.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { auditEventFromAdmission, type Observation } from '../../kubernetes/audit-event.ts';
import { parseAuditEvent } from '../../kubernetes/logged-event.ts';
import type { ObjectIndex } from '../../provenance/object-index.ts';
import { withLoggedProvenance } from '../../provenance/logged-provenance.ts';
import { objectsFromList } from '../../provenance/objects-from-list.ts';
import { provenanceOf, subjectOf } from '../../provenance/provenance.ts';
import { isKnowable } from '../../provenance/project.ts';

/** A request from a file: at `serve` it is an AdmissionReview, at `replay` an event of an audit log. */
export interface ObservedEvent {
  readonly door: 'serve' | 'replay';
  readonly observation: Observation;
}

/**
 * Reads every document of a text, JSON or YAML: an AdmissionReview, an event of an audit log, or a list of these; and beside
 * them the DaemonSets, Services and so on of the cluster, against which the pods of the reviews are held. If there is any,
 * there are no others; if there is none, nothing is known of the cluster. Throws an Error that says what is wrong with the
 * first that is none of all that.
 */
export function parseObservedEvents(text: string): readonly ObservedEvent[] {
  const documents = loadAll(text).flatMap((document) => {
    const list = asObject(document);
    if (list?.['kind'] !== 'EventList' && list?.['kind'] !== 'List') return [document];
    if (!Array.isArray(list['items'])) throw new Error('items: expected a list');
    return list['items'] as readonly unknown[];
  });
  const standing = documents.filter(isKnowable);
  const objects = objectsFromList(standing, () => standing.length > 0);
  return documents
    .filter((document) => !isKnowable(document))
    .map((document) => parseObservedEvent(document, objects));
}

function parseObservedEvent(value: unknown, objects: ObjectIndex): ObservedEvent {
  if (asObject(value)?.['kind'] !== 'AdmissionReview')
    return { door: 'replay', observation: withLoggedProvenance(parseAuditEvent(value)) };
  const request = parseAdmissionReview(Buffer.from(JSON.stringify(value)));
  const now = new Date();
  const { fields } = provenanceOf(subjectOf(request, now.getTime()), objects);
  return { door: 'serve', observation: auditEventFromAdmission(request, fields, now.toISOString()) };
}

import type { AdmissionResponse, AdmissionReview } from './admission-review.ts';

/** What the client reads, and what the API server keeps in its audit log. */
export interface Remarks {
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export function allowed(uid: string, remarks: Remarks = {}): AdmissionReview {
  return review({ uid, allowed: true, ...remarks });
}

/** A denial is HTTP 200 with a 403 inside. Any other reason makes kubectl speak of something else, or retry. */
export function denied(uid: string, message: string, remarks: Remarks = {}): AdmissionReview {
  return review({ uid, allowed: false, status: { code: 403, reason: 'Forbidden', message }, ...remarks });
}

function review(response: AdmissionResponse): AdmissionReview {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

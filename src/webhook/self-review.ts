import { ownChange, type OwnChange } from '../self/own-change.ts';
import type { OwnState } from '../self/own-deployment.ts';
import { allowed } from '../kubernetes/admission-response.ts';
import type { AdmissionRequest, AdmissionReview } from '../kubernetes/admission-review.ts';

export interface SelfReviewOptions extends OwnState {
  readonly onOwnChange: (change: OwnChange) => void;
}

/** Allows whatever is done to us, and tells what is worth telling: who lowered `enforce` is to be seen, not kept from it. */
export function createSelfReview({
  onOwnChange,
  ...state
}: SelfReviewOptions): (request: AdmissionRequest) => Promise<AdmissionReview> {
  return async function selfReview(request) {
    const change = ownChange(request, state);
    if (change !== undefined) onOwnChange(change);
    return allowed(request.uid);
  };
}

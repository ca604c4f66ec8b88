import { printable, shorten } from '../io/text.ts';
import { PROBE_CONFIG_MAP, PROBE_NONCE } from '../registration/probe.ts';
import { allowed, denied } from '../kubernetes/admission-response.ts';
import type { AdmissionRequest, AdmissionReview } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';

/** The client chooses the nonce, and every user who may create ConfigMaps in our namespace may probe. */
const MAX_NONCE = 64;

/** Denies the probe and repeats its nonce: its sender then knows that the API server asked us and trusts our answer. */
export function createProbe(namespace: string): (request: AdmissionRequest) => Promise<AdmissionReview> {
  return async function probe(request) {
    if (!isProbe(request, namespace)) return allowed(request.uid);
    const nonce = asObject(request.object?.['data'])?.[PROBE_NONCE];
    const shown = typeof nonce === 'string' ? shorten(printable(nonce), MAX_NONCE) : '';
    return denied(request.uid, `sigma-admission was reached: ${shown}`);
  };
}

/** A dry run only: a ConfigMap that is really created is allowed. */
function isProbe({ resource, operation, name, dryRun, ...request }: AdmissionRequest, namespace: string) {
  return (
    dryRun &&
    operation === 'CREATE' &&
    resource.group === '' &&
    resource.resource === 'configmaps' &&
    request.subResource === undefined &&
    request.namespace === namespace &&
    name === PROBE_CONFIG_MAP
  );
}

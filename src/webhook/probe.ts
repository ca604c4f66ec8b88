import { printable, shorten } from '../io/text.ts';
import { PROBE_CONFIG_MAP, PROBE_NONCE } from '../registration/probe.ts';
import { allowed, denied } from '../kubernetes/admission-response.ts';
import type { AdmissionRequest, AdmissionReview } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';

/** Whoever probes chooses the nonce, and everybody who may make ConfigMaps in our namespace may probe. */
const MAX_NONCE = 64;

/** Denies the probe, repeating its nonce: whoever sent it then knows that the API server asked us and believed us. */
export function createProbe(namespace: string): (request: AdmissionRequest) => Promise<AdmissionReview> {
  return async function probe(request) {
    if (!isProbe(request, namespace)) return allowed(request.uid);
    const nonce = asObject(request.object?.['data'])?.[PROBE_NONCE];
    const shown = typeof nonce === 'string' ? shorten(printable(nonce), MAX_NONCE) : '';
    return denied(request.uid, `sigma-admission was reached: ${shown}`);
  };
}

/** Only a dry run: a ConfigMap that somebody really makes is none of our business. */
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

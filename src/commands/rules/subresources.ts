import { AUDIT_VERBS } from '../../kubernetes/schema/audit-event.ts';
import type { RequestKind } from '../../policy/needs.ts';

const CONNECT = ['create', 'get'];
const CHANGE = ['get', 'update', 'patch'];
const SCALED = { scale: CHANGE, status: CHANGE };

/** The subresources of Kubernetes' own resources, by the audit verbs that reach them. */
const SUBRESOURCES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  pods: {
    attach: CONNECT,
    binding: ['create'],
    ephemeralcontainers: CHANGE,
    eviction: ['create'],
    exec: CONNECT,
    log: ['get'],
    portforward: CONNECT,
    proxy: ['create', 'get', 'update', 'patch', 'delete'],
    resize: CHANGE,
    status: CHANGE,
  },
  serviceaccounts: { token: ['create'] },
  services: { proxy: ['create', 'get', 'update', 'patch', 'delete'], status: CHANGE },
  nodes: { proxy: ['create', 'get', 'update', 'patch', 'delete'], status: CHANGE },
  namespaces: { finalize: ['update'], status: CHANGE },
  deployments: SCALED,
  replicasets: SCALED,
  statefulsets: SCALED,
  replicationcontrollers: SCALED,
  daemonsets: { status: CHANGE },
  jobs: { status: CHANGE },
  cronjobs: { status: CHANGE },
  certificatesigningrequests: { approval: CHANGE, status: CHANGE },
};

/** What else a rule about the resource itself would be about, if a subresource it does not name were any: `pods/exec`. */
export function subresourcesReadLiterally({
  verbs = AUDIT_VERBS,
  resource = '',
  subresource,
}: RequestKind): readonly string[] {
  if (subresource !== '' || !Object.hasOwn(SUBRESOURCES, resource)) return [];
  return Object.entries(SUBRESOURCES[resource] ?? {})
    .filter(([, reaching]) => reaching.some((verb) => verbs.includes(verb)))
    .map(([name]) => `${resource}/${name}`);
}

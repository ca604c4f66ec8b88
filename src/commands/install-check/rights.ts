import { ApiError, type ApiServer } from '../../cluster/api-server.ts';
import { PROBE_CONFIG_MAP } from '../../registration/probe.ts';
import { KINDS } from '../../kubernetes/objects.ts';
import { CACHED_KINDS } from '../../provenance/cache.ts';
import { OURS, type ClusterView, type Names } from './cluster-view.ts';
import type { ServeSettings } from './serve-settings.ts';
import { fail, ok, unknown, warn, type CheckFinding } from './finding.ts';
import { allow } from './object-read.ts';

/** A right that our ServiceAccount needs. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name?: string;
  /** Absent: the resource is cluster-scoped. */
  readonly namespace?: string;
  /** The purpose that fails without the right. */
  readonly for: string;
  /** Without it the webhook does not work at all. */
  readonly isVital?: boolean;
}

/** The rights that replicas with these settings need. */
export function requiredRights(
  { namespace, configuration }: Names,
  settings: Pick<ServeSettings, 'manage' | 'secret'>,
): readonly Right[] {
  const configurations = {
    group: 'admissionregistration.k8s.io',
    resource: 'validatingwebhookconfigurations',
    name: configuration,
  };
  const core = (resource: string, name?: string) => ({
    group: '',
    resource,
    namespace,
    ...(name === undefined ? {} : { name }),
  });
  // Where one of our own objects cannot be read, nothing is written into the configuration.
  const isVital = settings.manage !== 'none';
  const rights: Right[] = [
    { verb: 'get', ...configurations, for: 'seeing what is sent to us', isVital: true },
    {
      verb: 'get',
      group: 'apps',
      resource: 'deployments',
      name: OURS,
      namespace,
      for: 'break-glass',
      isVital,
    },
    { verb: 'get', ...core('services', OURS), for: 'dialling ourselves', isVital },
    { verb: 'get', ...core('namespaces', namespace), for: 'being deleted with our namespace', isVital },
    { verb: 'create', ...core('configmaps', PROBE_CONFIG_MAP), for: 'probing before guard is set to Fail' },
    { verb: 'get', ...core('configmaps'), for: 'Events that say that the mode was lowered' },
    {
      verb: 'create',
      group: 'events.k8s.io',
      resource: 'events',
      namespace,
      for: 'Events that say what was restored',
    },
  ];
  rights.push(
    ...CACHED_KINDS.flatMap((kind) => {
      const { group, resource } = KINDS[kind];
      return ['get', 'list', 'watch'].map((verb) => ({
        verb,
        group,
        resource,
        // The rules that ship are about kube-system. For other namespaces, /readyz?verbose lists missing rights.
        ...(kind === 'Node' ? {} : { namespace: 'kube-system' }),
        for: 'finding the creator of a pod',
      }));
    }),
  );
  if (settings.manage !== 'none')
    rights.push({
      verb: 'update',
      ...configurations,
      for: 'being trusted by the API server, again after every change',
      isVital: true,
    });
  // Server-side apply asks for `create` by name, too.
  if (settings.manage === 'all')
    rights.push(
      { verb: 'create', ...configurations, for: 'making the configuration again if it is deleted' },
      { verb: 'patch', ...configurations, for: 'owning its entries' },
    );
  if (settings.manage !== 'none')
    rights.push(
      ...['get', 'create', 'patch'].map((verb) => ({
        verb,
        group: 'coordination.k8s.io',
        resource: 'leases',
        name: OURS,
        namespace,
        for: 'agreeing with the other replicas',
      })),
    );
  if (settings.secret !== undefined)
    rights.push(
      { verb: 'get', ...core('secrets', settings.secret), for: 'our certificate', isVital: true },
      { verb: 'update', ...core('secrets', settings.secret), for: 'renewing our certificate', isVital: true },
      {
        verb: 'create',
        ...core('secrets', settings.secret),
        for: 'making the Secret again if it is deleted',
      },
    );
  return rights;
}

/** A right as `kubectl auth can-i` names it. */
export function formatRight({ verb, group, resource, name, namespace }: Right): string {
  const what = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
  return `${verb} ${what}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}

/** The rights that our ServiceAccount lacks; or the right that the user who runs the check lacks to ask for them. */
export type RightsAnswer = { readonly lacking: readonly Right[] } | { readonly notAllowed: string };

const AUTHORIZATION = '/apis/authorization.k8s.io/v1';
const AUTHENTICATION = '/apis/authentication.k8s.io/v1';

/** Asks the API server about each right. Our ServiceAccount itself asks by a SelfSubjectAccessReview, which every user may create. */
export async function askRights(
  api: ApiServer,
  namespace: string,
  rights: readonly Right[],
): Promise<RightsAnswer> {
  const user = `system:serviceaccount:${namespace}:${OURS}`;
  const isOurself = (await whoAmI(api)) === user;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const lacking: Right[] = [];
  for (const right of rights) {
    const { verb, group, resource, name, namespace: within } = right;
    const resourceAttributes = { verb, group, resource, name, namespace: within };
    try {
      const review = isOurself
        ? await create(api, 'SelfSubjectAccessReview', { resourceAttributes })
        : await create(api, 'SubjectAccessReview', { resourceAttributes, user, groups });
      if (!review.status.allowed) lacking.push(right);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { notAllowed: 'create subjectaccessreviews.authorization.k8s.io' };
    }
  }
  return { lacking };
}

async function create(api: ApiServer, kind: string, spec: object) {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind, spec };
  const answer = await api.create(`${AUTHORIZATION}/${kind.toLowerCase()}s`, review);
  return answer as { readonly status: { readonly allowed: boolean } };
}

async function whoAmI(api: ApiServer): Promise<string | undefined> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  try {
    const answer = await api.create(`${AUTHENTICATION}/selfsubjectreviews`, review);
    return (answer as { status?: { userInfo?: { username?: string } } }).status?.userInfo?.username;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** Whether our ServiceAccount has the rights that it needs; no finding where nothing is installed. */
export function checkRights(
  { names }: ClusterView,
  answer: RightsAnswer | undefined,
): readonly CheckFinding[] {
  if (answer === undefined) return [];
  const check = 'rights';
  if ('notAllowed' in answer) {
    const found = 'the rights of our ServiceAccount: not allowed to ask';
    return [unknown(check, found, { fix: allow(answer.notAllowed) })];
  }
  const { lacking } = answer;
  if (lacking.length === 0) return [ok(check, 'our ServiceAccount has all the rights that it needs')];
  return [
    (lacking.some(({ isVital }) => isVital) ? fail : warn)(
      check,
      `${names.namespace}/${OURS}, our ServiceAccount, lacks rights that it needs`,
      {
        details: lacking.map((right) => `${formatRight(right)}: needed for ${right.for}`),
        fix:
          names.namespace === OURS
            ? 'apply the manifests again: manifests/base/30-rbac.yaml has these rights'
            : `apply what sigma-admission manifests --release --namespace ${names.namespace} prints: kustomize’s \`namespace\` does not follow our names in rights`,
      },
    ),
  ];
}

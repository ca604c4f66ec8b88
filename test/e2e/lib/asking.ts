import type { Webhook, WebhookConfiguration } from '../../../src/registration/webhook-configuration.ts';
import { parseAdmissionReview, type AdmissionRequest } from '../../../src/kubernetes/admission-review.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { eventually } from '../../lib/eventually.ts';
import { startNotary } from './notary.ts';

/** A request to the API server, by whom. */
export interface Asking {
  readonly method: string;
  /** Dry, wherever something would change. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly as?: Impersonated;
}

export interface Impersonated {
  readonly user: string;
  readonly groups?: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, string>>;
}

/** What became of one. */
export interface Asked {
  readonly asking: Asking;
  readonly status: number;
  readonly message: string | undefined;
  /** The review as a webhook without any condition is sent it. Absent: the request never came to be reviewed. */
  readonly review: AdmissionRequest | undefined;
  /** The names of the configurations by which it was sent. */
  readonly sent: ReadonlySet<string>;
}

export interface AskingRoom {
  /** Registers the entries `other` of configurations by their names, and waits until they are in force. */
  register(configurations: ReadonlyMap<string, WebhookConfiguration>): Promise<void>;
  /** Takes back all that was registered. */
  unregister(): Promise<void>;
  ask(askings: readonly Asking[]): Promise<readonly Asked[]>;
  /** After the control plane: an API server keeps connections to webhooks. */
  stop(): Promise<void>;
}

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
/** An object of the API server's may have a megabyte and a half. */
const ENTRIES = 40;
const AT_ONCE = 8;
const WITNESS = 'witness';
const ALICE: Impersonated = { user: 'alice', groups: ['dev'] };
const EVERYTHING = {
  apiGroups: ['*'],
  apiVersions: ['*'],
  operations: ['*'],
  resources: ['*/*'],
  scope: '*',
};
/** Names a request in `userInfo.extra`, which an API server writes before the object. */
const MARK = /"extra":\{[^}]*"asking":\["(\d+)"\]/;

/** Where requests are asked of a real API server, and counted by whom they are sent to. */
export async function openAskingRoom({ api }: ControlPlane): Promise<AskingRoom> {
  const sent = new Map<string, Set<string>>();
  const reviews = new Map<string, string>();
  const inForce = new Set<string>();
  const notary = await startNotary((path, review) => {
    const [, to = '', entry = ''] = path.split('/');
    if (entry === 'sentinel') return void inForce.add(to);
    const [, mark] = MARK.exec(review) ?? [];
    if (mark === undefined) return;
    if (entry === WITNESS) reviews.set(mark, review);
    else sent.set(mark, (sent.get(mark) ?? new Set()).add(to));
  });
  const registered: string[] = [];
  let marks = 0;

  const entry = (name: string, path: string, of: object) => ({
    failurePolicy: 'Ignore',
    sideEffects: 'NoneOnDryRun',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 30,
    ...of,
    name: `${name}.sigma-admission.svc`,
    clientConfig: { url: `${notary.url}${path}`, caBundle: notary.caBundle },
  });

  /** The sentinel has no condition, so that what it is sent says that the whole configuration is in force. */
  async function post(name: string, webhooks: readonly object[]): Promise<void> {
    const configMaps = {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['CREATE'],
      resources: ['configmaps'],
    };
    const sentinel = entry(`sentinel.${name}`, `/${name}/sentinel`, { rules: [configMaps] });
    const { status, body } = await api('POST', CONFIGURATIONS, {
      body: { metadata: { name }, webhooks: [...webhooks, sentinel] },
    });
    if (status !== 201) throw new Error(body['message']);
    registered.push(name);
    await eventually(`${name} is in force`, async () => {
      const body = { metadata: { name: 'sentinel' } };
      await api('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body });
      return inForce.has(name);
    });
  }

  async function unregister(): Promise<void> {
    for (const name of registered.splice(0)) await api('DELETE', `${CONFIGURATIONS}/${name}`);
    inForce.clear();
  }

  async function askOne(asking: Asking): Promise<Asked> {
    const mark = String((marks += 1));
    const { method, path, as = ALICE, ...options } = asking;
    const { status, body } = await api(method, path, { ...options, headers: impersonating(as, mark) });
    const review = reviews.get(mark);
    reviews.delete(mark);
    return {
      asking,
      status,
      message: body['message'],
      review: review === undefined ? undefined : parseAdmissionReview(Buffer.from(review)),
      sent: sent.get(mark) ?? new Set(),
    };
  }

  await post(WITNESS, [entry(WITNESS, `/all/${WITNESS}`, { rules: [EVERYTHING] })]);
  registered.length = 0;
  return {
    async register(configurations) {
      const entries = [...configurations].flatMap(([name, { webhooks }]) =>
        webhooks
          .filter(({ clientConfig }) => clientConfig.service.path.startsWith('/other'))
          .map((webhook: Webhook) => {
            const { path } = webhook.clientConfig.service;
            return entry(`${path.slice(1)}.${name}`, `/${name}${path}`, { ...webhook, timeoutSeconds: 30 });
          }),
      );
      for (let from = 0; from < entries.length; from += ENTRIES)
        await post(`batch-${from}`, entries.slice(from, from + ENTRIES));
    },
    unregister,
    async ask(askings) {
      const asked: Asked[] = [];
      const rest = askings.entries();
      const worker = async () => {
        for (const [at, asking] of rest) asked[at] = await askOne(asking);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return asked;
    },
    stop: () => notary.stop(),
  };
}

function impersonating({ user, groups = [], uid, extra = {} }: Impersonated, mark: string) {
  const extras = Object.entries({ ...extra, asking: mark }).map(
    ([key, value]) => [`impersonate-extra-${encodeURIComponent(key)}`, value] as const,
  );
  return {
    'impersonate-user': user,
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups as unknown as string }),
    ...(uid === undefined ? {} : { 'impersonate-uid': uid }),
    ...Object.fromEntries(extras),
  };
}

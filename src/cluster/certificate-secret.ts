import { setTimeout as wait } from 'node:timers/promises';
import { createAuthority, issueCertificate, SERVING_LIFETIME_MS } from '../certificates/authority.ts';
import { endOf, fingerprintOf, pemOf, type TrustedAuthority } from '../certificates/authority-bundle.ts';
import {
  createCertificateSource,
  type CertificateSource,
  type TlsCertificate,
} from '../certificates/certificate-source.ts';
import {
  bundleToPublish,
  seeMissing,
  seeRegistered,
  type RegisteredAuthorities,
} from '../certificates/registered-authorities.ts';
import {
  CONTENT_KEYS,
  contentsOf,
  planRotation,
  type Contents,
  type Served,
  type Write,
} from '../certificates/rotation.ts';
import type { ServingNames } from '../certificates/authority.ts';
import { ApiError, ifThere, type ApiServer } from './api-server.ts';
import { repeat } from './repeat.ts';

/** The certificate in a Secret that all replicas share, and what the API server must trust to accept it. */
export interface CertificateSecret extends CertificateSource {
  readonly kind: 'secret';
  /**
   * Takes what our entries in the webhook configuration hold as `caBundle` (PEM), as just read or just written; undefined where
   * they are gone or differ. Gives what they should hold.
   */
  reconcile(registeredPem: string | undefined): string;
  /** The API server has been told to trust what we serve; stays so until we serve by another authority. */
  trusted(): boolean;
  /** When the authority of what we serve ends. */
  authorityNotAfter(): Date;
  /** How many authorities the Secret says to trust: more than one while one follows another. */
  authorities(): number;
}

export interface CertificateSecretOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly name: string;
  readonly names: ServingNames;
  /** Reads what is registered, before the first certificate; absent where the webhook configuration is not followed: then nothing is waited for. */
  readonly readRegistered?: (() => Promise<string | undefined>) | undefined;
  readonly now?: () => number;
  /** How often it is read: also how late one replica serves what another renewed. */
  readonly everyMs?: number;
  /** How long an authority must have been registered before we count on every API server to know it. */
  readonly settleMs?: number;
  readonly lifetimes?: { readonly authorityMs: number; readonly servingMs: number };
  /** Ends the wait for the first certificate, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called when this replica wrote the Secret, with the reason. */
  readonly onMake: (why: string, kind: Write['kind']) => void;
  readonly onRefuse: (error: Error) => void;
}

const EVERY_MS = 5_000;
const SETTLE_MS = 10_000;
/** A year each: the replicas bring the next authority themselves, so no key need be good for longer. */
const LIFETIMES = { authorityMs: SERVING_LIFETIME_MS, servingMs: SERVING_LIFETIME_MS };
/** So many looks every replica has taken meanwhile, and said whom it still needs. */
const LOOKS_TO_OBJECT = 3;
/** The annotation by which an operator asks for another authority; its value is the reason. */
const RENEW_ANNOTATION = 'sigma-admission/renew-authority';

/**
 * Waits for a certificate that can be served, and follows it. Whatever is due in the Secret, each replica tries to write;
 * of several that do so at once the API server takes one, and the others go on from there.
 */
export async function createCertificateSecret({
  api,
  namespace,
  name,
  names,
  readRegistered,
  now = Date.now,
  everyMs = EVERY_MS,
  settleMs = SETTLE_MS,
  lifetimes = LIFETIMES,
  signal,
  onMake,
  onRefuse,
}: CertificateSecretOptions): Promise<CertificateSecret> {
  if (lifetimes.authorityMs < lifetimes.servingMs) {
    throw new RangeError('an authority is to live as long as what it issues, at least');
  }
  const secrets = secretsOf(api, namespace, name);
  let registered: RegisteredAuthorities | undefined;
  let missing: ReadonlyMap<string, number> = new Map();
  /** The last good Secret. */
  let remembered: Secret | undefined;
  let serving: Served | undefined;
  let trusted: readonly TrustedAuthority[] = [];
  /** The authority (fingerprint) that was registered while we served by it. */
  let accepted: string | undefined;
  let unwritten: Error | undefined;
  /** When we put it back (ms since the epoch), as far as that counts. */
  let restorations: readonly number[] = [];

  async function load(): Promise<TlsCertificate> {
    if (registered === undefined && readRegistered !== undefined) see(await readRegistered());
    for (let tries = 0; tries < TRIES; tries += 1) {
      const seen = registered ?? new Map();
      const secret = await secrets.read(serving === undefined ? signal : undefined);
      const plan = planRotation({
        contents: secret && contentsIn(secret),
        remembered: remembered && contentsIn(remembered),
        serving,
        registered,
        asked: askedIn(secret),
        names,
        now: now(),
        settleMs,
        servingLifetimeMs: lifetimes.servingMs,
      });
      if (plan.serve !== undefined) {
        remembered = secret;
        serving = plan.serve;
        trusted = plan.trusted;
        missing = seeMissing(seen, trusted, missing, now());
        accept();
      }
      if (plan.write === undefined) {
        unwritten = undefined;
        return plan.serve.leaf;
      }
      try {
        await write(plan.write, secret);
      } catch (error) {
        if (isOvertaken(error, secret)) continue;
        // What can be served needs no writing.
        if (plan.serve === undefined) throw error;
        if (unwritten?.message !== (error as Error).message) onRefuse(error as Error);
        unwritten = error as Error;
        return plan.serve.leaf;
      }
    }
    if (serving !== undefined) return serving.leaf;
    throw new Error(`secret ${namespace}/${name}: filled ${TRIES} times, and still not to be used`);
  }

  async function write(step: Write, secret: Secret | undefined): Promise<void> {
    const undoes = step.kind === 'made' || step.kind === 'restored';
    restorations = restorations.filter((at) => Math.abs(now() - at) < RESTORATIONS_MS);
    if (undoes && restorations.length >= MAX_RESTORATIONS) {
      throw new Error(
        `secret ${namespace}/${name}: put back ${MAX_RESTORATIONS} times in ten minutes, so it is let be for a while: do the clocks of replicas disagree, or does another writer change it?`,
      );
    }
    const { authorityMs, servingMs } = lifetimes;
    const authority = step.authority ?? (await createAuthority({ now: now(), lifetimeMs: authorityMs }));
    const leaf =
      step.serving ?? (await issueCertificate({ authority, ...names, now: now(), lifetimeMs: servingMs }));
    const renewed = step.authority === undefined;
    await secrets.write(contentsOf(authority, leaf, step.others), { read: secret, remembered, renewed });
    if (undoes) restorations = [...restorations, now()];
    onMake(step.why, step.kind);
  }

  function see(bundlePem: string | undefined): void {
    const seen = seeRegistered(bundlePem, registered ?? new Map(), now());
    registered = seen;
    missing = new Map([...missing].filter(([fingerprint]) => seen.has(fingerprint)));
    accept();
  }

  function accept(): void {
    const fingerprint = serving && fingerprintOf(serving.authorityPem);
    if (fingerprint !== undefined && registered?.has(fingerprint)) accepted = fingerprint;
  }

  const follow = (changed: () => void) =>
    repeat({ everyMs, task: async () => changed(), onFailure: onRefuse });
  let lastFailure: string | undefined;
  for (;;) {
    try {
      const source = await createCertificateSource({ load, follow, onRefuse });
      const current = () => serving as Served;
      return {
        ...source,
        kind: 'secret',
        refused: () => source.refused() ?? unwritten,
        reconcile(registeredPem) {
          see(registeredPem);
          const absent = (fingerprint: string) => now() - (missing.get(fingerprint) ?? Infinity);
          const dismissed = (fingerprint: string) => absent(fingerprint) >= LOOKS_TO_OBJECT * everyMs;
          const registeredNow = registered ?? new Map();
          return pemOf(bundleToPublish({ known: trusted, registered: registeredNow, dismissed, now: now() }));
        },
        trusted: () => registered === undefined || accepted === fingerprintOf(current().authorityPem),
        authorityNotAfter: () => new Date(endOf({ certificatePem: current().authorityPem })),
        authorities: () => trusted.length,
      };
    } catch (error) {
      signal?.throwIfAborted();
      // Nothing can be served without one; the API server may be back in a moment.
      const { message } = error as Error;
      if (message !== lastFailure) onRefuse(error as Error);
      lastFailure = message;
      await wait(everyMs * (0.2 + 0.2 * Math.random()), undefined, { signal }).catch(() => {});
      signal?.throwIfAborted();
    }
  }
}

/** Each try is a step that we took, or one that another replica won. */
const TRIES = 6;
/** After this many restorations another writer works against the replicas, and they stop. Renewals are not counted. */
const MAX_RESTORATIONS = 5;
const RESTORATIONS_MS = 10 * 60_000;
/** Asks the replicas that share a Secret for a new authority, and a certificate of it. Rejects where there is no such Secret. */
export async function requestRotation({
  api,
  namespace,
  name,
  reason,
}: Pick<CertificateSecretOptions, 'namespace' | 'name'> & {
  readonly api: Pick<ApiServer, 'get' | 'replace'>;
  /** The reason, which the replica that makes the new authority logs. */
  readonly reason: string;
}): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  for (let tries = TRIES; ; tries -= 1) {
    const secret = (await api.get(path)) as Secret;
    const annotations = { ...secret.metadata.annotations, [RENEW_ANNOTATION]: reason };
    try {
      await api.replace(path, { ...secret, metadata: { ...secret.metadata, annotations } });
      return;
    } catch (error) {
      // A replica wrote it meanwhile.
      if (tries === 1 || !(error instanceof ApiError && error.status === 409)) throw error;
    }
  }
}

/** Another replica wrote first, or the Secret was deleted after it was read. */
function isOvertaken(error: unknown, read: Secret | undefined): boolean {
  return error instanceof ApiError && (error.status === 409 || (error.status === 404 && read !== undefined));
}

/** A Secret (core/v1) as far as we read it. */
interface Secret {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

function contentsIn({ data = {} }: Secret): Contents {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  return Object.fromEntries(CONTENT_KEYS.map((key) => [key, text(key)])) as Contents;
}

function askedIn(secret: Secret | undefined): string | undefined {
  const reason = secret?.metadata.annotations?.[RENEW_ANNOTATION];
  return reason === undefined ? undefined : `${RENEW_ANNOTATION}: ${reason}`;
}

/** The labels that the manifests give the Secret. */
const LABELS = {
  'app.kubernetes.io/name': 'sigma-admission',
  'app.kubernetes.io/part-of': 'sigma-admission',
};

function secretsOf(api: ApiServer, namespace: string, name: string) {
  const collection = `/api/v1/namespaces/${namespace}/secrets`;
  const path = `${collection}/${name}`;
  return {
    async read(signal?: AbortSignal): Promise<Secret | undefined> {
      return (await ifThere(api.get(path, signal))) as Secret | undefined;
    },

    /** Changes what was read, of which what is not ours stays; or makes it again, looking as it did. */
    async write(contents: Contents, { read, remembered, renewed }: WriteOptions): Promise<void> {
      const ours = Object.entries(contents).map(([key, pem]) => [key, Buffer.from(pem).toString('base64')]);
      const { metadata, type = 'Opaque' } = read ?? remembered ?? { metadata: { labels: LABELS } };
      const annotations = { ...metadata.annotations };
      if (renewed) delete annotations[RENEW_ANNOTATION];
      const data = { ...read?.data, ...Object.fromEntries(ours) };
      if (read !== undefined) {
        await api.replace(path, { ...read, metadata: { ...metadata, annotations }, data });
        return;
      }
      const { labels } = metadata;
      const made = { name, namespace, labels, annotations };
      await api.create(collection, { apiVersion: 'v1', kind: 'Secret', metadata: made, type, data });
    },
  };
}

interface WriteOptions {
  /** Undefined where there was none. */
  readonly read: Secret | undefined;
  readonly remembered: Secret | undefined;
  /** What was asked for is done. */
  readonly renewed: boolean;
}

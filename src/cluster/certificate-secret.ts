import { setTimeout as wait } from 'node:timers/promises';
import { createAuthority, issueCertificate, type KeyedCertificate } from '../tls/authority.ts';
import {
  createCertificateSource,
  parseCertificate,
  type CertificateSource,
  type TlsCertificate,
} from '../tls/certificate-source.ts';
import { reasonNotToIssue, reasonNotToServe, reasonToRenew } from '../tls/fitness.ts';
import type { ServingNames } from '../tls/serving-names.ts';
import { ApiError, type ApiServer } from './api-server.ts';
import { repeat } from './repeat.ts';

/** The certificate in a Secret that all replicas share, and what the API server must trust to accept it. */
export interface CertificateSecret extends CertificateSource {
  /** PEM; more than one certificate while one authority follows another. */
  caBundle(): string;
}

export interface CertificateSecretOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** It must exist: a right to make Secrets cannot be limited to one name. */
  readonly name: string;
  readonly names: ServingNames;
  readonly now?: () => number;
  /** How often it is read: also how late one replica serves what another renewed. */
  readonly everyMs?: number;
  /** Ends the wait for the first certificate. */
  readonly signal?: AbortSignal;
  /** We filled it, and why. */
  readonly onMake: (why: string) => void;
  readonly onRefuse: (error: Error) => void;
}

const EVERY_MS = 5_000;

/**
 * Waits for a certificate that can be served, and follows it. Whichever replica finds the Secret empty, unusable or past
 * two thirds of its life fills it; of several that do so at once the API server takes one, and the others use that.
 */
export async function createCertificateSecret({
  onRefuse,
  everyMs = EVERY_MS,
  signal,
  ...options
}: CertificateSecretOptions): Promise<CertificateSecret> {
  let caBundle = '';
  const load = async (): Promise<TlsCertificate> => {
    const held = await read(options);
    caBundle = held.caBundle;
    return held.serving;
  };
  const follow = (changed: () => void) =>
    repeat({ everyMs, task: async () => changed(), onFailure: onRefuse });
  let lastFailure: string | undefined;
  for (;;) {
    try {
      const source = await createCertificateSource({ load, follow, onRefuse });
      return { ...source, caBundle: () => caBundle };
    } catch (error) {
      // Nothing can be served without one; the API server may be back in a moment.
      const { message } = error as Error;
      if (message !== lastFailure) onRefuse(error as Error);
      lastFailure = message;
      if (signal?.aborted) throw error;
      await wait(everyMs * (0.2 + 0.2 * Math.random()), undefined, { signal }).catch(() => {});
    }
  }
}

/** What the Secret holds, checked. */
interface Held {
  readonly caBundle: string;
  readonly serving: TlsCertificate;
}

/** A Secret (core/v1) as far as we read it. */
interface Secret {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** Each try is one that another replica won: then its certificate is there. More would mean that clocks disagree. */
const TRIES = 5;

async function read(
  options: Omit<CertificateSecretOptions, 'onRefuse' | 'everyMs' | 'signal'>,
): Promise<Held> {
  const { api, namespace, name, names, now = Date.now, onMake } = options;
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const secret = (await api.get(path)) as Secret;
    const { held, why, issuer } = judge(secret.data ?? {}, names, now());
    if (held !== undefined) return held;
    const data = { ...secret.data, ...(await make(issuer, names, now())) };
    try {
      await api.replace(path, { ...secret, data });
      onMake(why);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
  }
  throw new Error(`secret ${namespace}/${name}: filled ${TRIES} times, and still not to be used`);
}

/** What can be served as it is; or why not, and the authority that can issue another. */
type Judgement =
  | { readonly held: Held; readonly why?: undefined; readonly issuer?: undefined }
  | { readonly held?: undefined; readonly why: string; readonly issuer?: KeyedCertificate };

function judge(data: NonNullable<Secret['data']>, names: ServingNames, now: number): Judgement {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  if (Object.keys(data).length === 0) return { why: 'it was empty' };
  let authority: TlsCertificate;
  try {
    authority = pair('ca', text);
    refuseFor('ca.crt', reasonNotToIssue(authority) ?? reasonToRenew(authority, now));
  } catch (error) {
    return { why: (error as Error).message };
  }
  try {
    const serving = pair('tls', text);
    const issuer = { ...authority, file: 'ca.crt' };
    refuseFor('tls.crt', reasonNotToServe(serving, issuer, names) ?? reasonToRenew(serving, now));
    return { held: { caBundle: authority.certificatePem, serving } };
  } catch (error) {
    return { why: (error as Error).message, issuer: authority };
  }
}

function refuseFor(file: string, reason: string | undefined): void {
  if (reason !== undefined) throw new Error(`${file}: ${reason}`);
}

function pair(name: string, text: (key: string) => string): TlsCertificate {
  const [certificate, key] = [`${name}.crt`, `${name}.key`];
  return parseCertificate({ name: certificate, text: text(certificate) }, { name: key, text: text(key) });
}

/** The authority stays where it can: what the API server trusts already need not change. */
async function make(issuer: KeyedCertificate | undefined, names: ServingNames, now: number) {
  const authority = issuer ?? (await createAuthority({ now }));
  const serving = await issueCertificate({ authority, ...names, now });
  const contents = {
    'ca.crt': authority.certificatePem,
    'ca.key': authority.keyPem,
    'tls.crt': serving.certificatePem,
    'tls.key': serving.keyPem,
  };
  return Object.fromEntries(
    Object.entries(contents).map(([key, pem]) => [key, Buffer.from(pem).toString('base64')]),
  );
}

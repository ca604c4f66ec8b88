import type { Logger } from 'pino';
import type { ApiServer } from '../../cluster/api-server.ts';
import { createCertificateSecret, type CertificateSecret } from '../../cluster/certificate-secret.ts';
import { readRegisteredBundle } from '../../cluster/registered-bundle.ts';
import type { Check } from '../../webhook/readiness.ts';
import type { Config } from '../../settings/types.ts';
import { createCertificateDirectory } from '../../certificates/certificate-directory.ts';
import { createCertificateFiles, type CertificateSource } from '../../certificates/certificate-source.ts';
import { servingNames } from '../../certificates/authority.ts';

/** Our Service's name, wherever it is. */
export const SERVICE = 'sigma-admission';

/**
 * The serving certificate, and whose it is: of our own making in a Secret that replicas share, of our own making in a directory,
 * or in files that are made elsewhere. Only with the Secret is it ours to say what the API server is to trust.
 */
export type ServingCertificates =
  CertificateSecret | (CertificateSource & { readonly kind: 'directory' | 'files' });

/** We wrote certificates: `made` where there were none, `restored` where they were broken, `renewed`, or only `trusted` anew. */
interface CertificateChange {
  readonly kind: 'made' | 'restored' | 'renewed' | 'trusted';
  readonly why: string;
}

/** What becoming of certificates is told to. */
export interface ServingCertificatesSurroundings {
  readonly api: ApiServer | undefined;
  readonly log: Logger;
  /** Ends the wait for the first. */
  readonly signal: AbortSignal;
  /** The Secret was written. It is in the log, too. */
  readonly onChange?: (change: CertificateChange) => void;
}

/** Opens the Secret that replicas share, the files of another maker, or the directory of our own, as the flags say. */
export async function createServingCertificates(
  { secret, webhookConfiguration, namespace, tlsCert, tlsKey, certsDir }: Config,
  { api, log, signal, onChange }: ServingCertificatesSurroundings,
): Promise<ServingCertificates> {
  const onRefuse = (error: Error) => log.error(error, 'no new certificate: one in force stays');
  if (secret !== undefined && api !== undefined) {
    const service = { namespace, name: SERVICE };
    return createCertificateSecret({
      api,
      namespace,
      name: secret,
      names: servingNames(SERVICE, namespace),
      readRegistered:
        webhookConfiguration === undefined
          ? undefined
          : () => readRegisteredBundle(api, webhookConfiguration, service),
      signal,
      onMake(why, kind) {
        const level = kind === 'restored' ? 'warn' : 'info';
        log[level]({ secret, kind }, `certificates ${SAID[kind]}: ${why}`);
        onChange?.({ kind, why });
      },
      onRefuse,
    });
  }
  if (tlsCert !== undefined && tlsKey !== undefined) {
    const source = await createCertificateFiles({ certificateFile: tlsCert, keyFile: tlsKey, onRefuse });
    return { ...source, kind: 'files' };
  }
  const source = await createCertificateDirectory({
    directory: certsDir,
    onMake: (files, why) => log.info({ directory: certsDir, files }, `certificates made: ${why}`),
    onRefuse,
    onWait: (lock) => log.warn({ lock }, 'waiting for another process that makes certificates'),
  });
  return { ...source, kind: 'directory' };
}

const SAID: Readonly<Record<CertificateChange['kind'], string>> = {
  made: 'made',
  restored: 'put back',
  renewed: 'made',
  trusted: 'kept, but whom to trust was changed',
};

/** For `/readyz`. An API server refuses a certificate that has ended, so a replica with one is not ready. */
export function certificateCheck(certificates: ServingCertificates, now = Date.now()): Check {
  const { notBefore, notAfter } = certificates.current();
  const refused = certificates.refused();
  const shared = certificates.kind === 'secret' ? factsOf(certificates) : [];
  const facts = [
    `until ${notAfter.toISOString()}`,
    ...(now < notBefore.getTime() ? [`by our clock not valid before ${notBefore.toISOString()}`] : []),
    ...shared,
    ...(refused === undefined ? [] : [`the newest one is refused: ${refused.message}`]),
  ];
  const isRight = now >= notBefore.getTime() && refused === undefined;
  const state = now >= notAfter.getTime() ? 'failed' : isRight ? 'ok' : 'wrong';
  return { name: 'certificate', state, detail: facts.join('; ') };
}

function factsOf({ authorityNotAfter, authorities }: CertificateSecret): readonly string[] {
  const many = authorities();
  return [
    `its authority until ${authorityNotAfter().toISOString()}`,
    ...(many === 1 ? [] : [`${many} authorities to be trusted`]),
  ];
}

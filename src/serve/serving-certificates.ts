import type { Logger } from 'pino';
import type { ApiServer } from '../cluster/api-server.ts';
import { createCertificateSecret } from '../cluster/certificate-secret.ts';
import { registeredBundle } from '../cluster/registered-bundle.ts';
import type { Config } from '../settings/types.ts';
import { createCertificateDirectory } from '../tls/certificate-directory.ts';
import { createCertificateFiles, type CertificateSource } from '../tls/certificate-source.ts';
import { servingNames } from '../tls/serving-names.ts';

/** Our Service's name, wherever it is. */
export const SERVICE = 'sigma-admission';

/**
 * Where the serving certificate comes from; and where it is of our own making and in a Secret, what is to be trusted for it.
 * Who follows the webhook configuration tells, at each look, first what is `registered` there, then asks for `caBundle`
 * and puts that there; and tells what is registered then.
 */
export interface ServingCertificates extends CertificateSource {
  /** What is to be registered (PEM). Never less than some replica may need. */
  caBundle?(): string;
  /** What our entries hold (PEM), as just read or written; undefined where not all of them hold the same, or they are gone. */
  registered?(bundlePem: string | undefined): void;
  /** What we serve is by an authority that was seen registered; until then nobody is to be sent here. */
  trusted?(): boolean;
  /** When the authority of what we serve ends. */
  authorityNotAfter?(): Date;
  /** How many authorities are to be trusted: more than one while one follows another. */
  authorities?(): number;
}

/** We wrote certificates: `made` where there were none, `restored` where somebody broke them, `renewed`, or only `trusted` anew. */
export interface CertificateChange {
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

/** A Secret that replicas share, files of somebody else's, or a directory of our own: as we were told. */
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
          : () => registeredBundle(api, webhookConfiguration, service),
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
    return createCertificateFiles({ certificateFile: tlsCert, keyFile: tlsKey, onRefuse });
  }
  return createCertificateDirectory({
    directory: certsDir,
    onMake: (files, why) => log.info({ directory: certsDir, files }, `certificates made: ${why}`),
    onRefuse,
    onWait: (lock) => log.warn({ lock }, 'waiting for another process that makes certificates'),
  });
}

const SAID: Readonly<Record<CertificateChange['kind'], string>> = {
  made: 'made',
  restored: 'put back',
  renewed: 'made',
  trusted: 'kept, but whom to trust was changed',
};

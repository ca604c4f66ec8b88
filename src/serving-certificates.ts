import type { Logger } from 'pino';
import type { ApiServer } from './cluster/api-server.ts';
import { createCertificateSecret } from './cluster/certificate-secret.ts';
import type { Config } from './config.ts';
import { createCertificateDirectory } from './tls/certificate-directory.ts';
import { createCertificateFiles, type CertificateSource } from './tls/certificate-source.ts';
import { servingNames } from './tls/serving-names.ts';

/** Our Service's name, wherever it is. */
export const SERVICE = 'sigma-admission';

/** Where the serving certificate comes from, and what is to be trusted for it where that is ours to say. */
export interface ServingCertificates extends CertificateSource {
  caBundle?(): string;
}

/** A Secret that replicas share, files of somebody else's, or a directory of our own: as we were told. */
export async function createServingCertificates(
  { secret, namespace, tlsCert, tlsKey, certsDir }: Config,
  {
    api,
    log,
    signal,
  }: { readonly api: ApiServer | undefined; readonly log: Logger; readonly signal: AbortSignal },
): Promise<ServingCertificates> {
  const onRefuse = (error: Error) => log.error(error, 'no new certificate: one in force stays');
  if (secret !== undefined && api !== undefined) {
    return createCertificateSecret({
      api,
      namespace,
      name: secret,
      names: servingNames(SERVICE, namespace),
      signal,
      onMake: (why) => log.info({ secret }, `certificates made: ${why}`),
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
  });
}

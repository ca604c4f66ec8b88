import { requestRotation } from '../../cluster/certificate-secret.ts';
import type { ApiServer } from '../../cluster/api-server.ts';
import type { CertificatesRotateConfig } from '../../settings/types.ts';
import { rotateCertificateDirectory } from '../../certificates/certificate-directory.ts';

export interface CertificatesRotateIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Connects to the cluster that the Secret is in. */
  readonly connect: () => Promise<Pick<ApiServer, 'get' | 'replace'>>;
}

/**
 * Asks the replicas that share a Secret for a new authority and a certificate of it, or makes both in a directory. Gives the
 * exit code: 0, or 2 where it could not be asked or made, which is told on standard error.
 */
export async function certificatesRotate(
  { certsDir, secret, namespace, reason }: CertificatesRotateConfig,
  { stdout, stderr, connect }: CertificatesRotateIo,
): Promise<number> {
  try {
    if (certsDir === undefined) {
      await requestRotation({ api: await connect(), namespace, name: secret, reason });
      stdout.write(`asked for in secret ${namespace}/${secret}: ${reason}\n${IN_SECRET}`);
    } else {
      const files = await rotateCertificateDirectory({
        directory: certsDir,
        onWait: (lock) => stderr.write(`waiting for another process that holds ${lock}\n`),
      });
      stdout.write(`made: ${files.join(', ')}\n${IN_DIRECTORY}`);
    }
    return 0;
  } catch (error) {
    stderr.write(`sigma-admission certificates rotate: ${(error as Error).message}\n`);
    return 2;
  }
}

const IN_SECRET = `\
The replicas add a new CA to the caBundle of the webhook configuration, beside the old one, and serve a certificate of it when the
API server trusts it: within half a minute, without a request dropped. The old CA stays trusted for as long as a certificate of it
may be valid.
`;

const IN_DIRECTORY = `\
A server that runs serves the new certificate within a second. Clients that trust the old ca.crt need the new one.
`;

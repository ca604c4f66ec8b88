import type { SignClient } from './pki.ts';
import type { User } from './user.ts';

/** A kubeconfig with everything in it, as JSON (which is YAML). */
export function kubeconfigOf(
  user: User,
  server: string,
  authorityPem: string,
  signClient: SignClient,
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority-data': base64(authorityPem) } }],
    users: [{ name: 'user', user: credentialsOf(user, signClient) }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'user' } }],
    'current-context': 'e2e',
  });
}

function credentialsOf(user: User, signClient: SignClient): object {
  if ('token' in user) return { token: user.token };
  const { certificatePem, keyPem } = signClient(user.name, user.groups ?? []);
  return { 'client-certificate-data': base64(certificatePem), 'client-key-data': base64(keyPem) };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

import { isOurs, type FoundConfiguration } from '../install/registration-plan.ts';
import { ApiError, type ApiServer } from './api-server.ts';

/** What the entries of a webhook configuration that call our Service are told to trust (PEM); undefined where that is nothing. */
export async function registeredBundle(
  api: ApiServer,
  name: string,
  service: { readonly namespace: string; readonly name: string },
): Promise<string | undefined> {
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${name}`;
  try {
    const { webhooks = [] } = (await api.get(path)) as FoundConfiguration;
    const bundles = webhooks
      .filter((entry) => isOurs(entry, service))
      .map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
    return [...new Set(bundles)].join('') || undefined;
  } catch (error) {
    // Not there, or not ours to read: nobody is told to trust us then, as far as we know.
    if (error instanceof ApiError && [403, 404].includes(error.status)) return undefined;
    throw error;
  }
}

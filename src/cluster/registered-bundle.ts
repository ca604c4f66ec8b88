import {
  registeredCaBundles,
  type RegisteredConfiguration,
  type ServiceReference,
} from '../registration/registered-webhook.ts';
import { ApiError, type ApiServer } from './api-server.ts';

/** The CA certificates of all our entries, joined (PEM); undefined where there are none. */
export async function readRegisteredBundle(
  api: ApiServer,
  name: string,
  service: ServiceReference,
): Promise<string | undefined> {
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${name}`;
  try {
    const found = (await api.get(path)) as RegisteredConfiguration;
    return registeredCaBundles(found, service).join('') || undefined;
  } catch (error) {
    // The configuration does not exist or may not be read: no entry is known to trust us.
    if (error instanceof ApiError && [403, 404].includes(error.status)) return undefined;
    throw error;
  }
}

import {
  registeredCaBundles,
  type RegisteredConfiguration,
  type ServiceReference,
} from '../registration/registered-webhook.ts';
import { ApiError, type ApiServer } from './api-server.ts';

/** All that our entries trust, joined (PEM), be it not the same for each; undefined where that is nothing. */
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
    // It does not exist, or we may not read it: as far as we know, no entry trusts us.
    if (error instanceof ApiError && [403, 404].includes(error.status)) return undefined;
    throw error;
  }
}

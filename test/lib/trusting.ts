import type { WebhookConfiguration } from '../../src/registration/webhook-configuration.ts';

/** The configuration, each of whose entries trusts these certificates (PEM). */
export function trusting(configuration: WebhookConfiguration, certificatesPem: string) {
  const caBundle = Buffer.from(certificatesPem).toString('base64');
  const webhooks = configuration.webhooks.map((entry) => ({
    ...entry,
    clientConfig: { ...entry.clientConfig, caBundle },
  }));
  return { ...configuration, webhooks };
}

import { isDeepStrictEqual } from 'node:util';
import type { LabelSelector } from '../kubernetes/label-selector.ts';
import type { MatchCondition } from './match-conditions.ts';
import type { NamespaceSelector } from './webhook-configuration.ts';

/**
 * A ValidatingWebhookConfiguration or MutatingWebhookConfiguration as the API server holds it, as far as it is read. Other
 * fields are written back as they were.
 */
export interface RegisteredConfiguration {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
    readonly managedFields?: readonly {
      readonly manager?: string;
      readonly operation?: string;
      readonly time?: string;
      readonly fieldsV1?: unknown;
    }[];
  };
  readonly webhooks?: readonly RegisteredWebhook[];
}

/** An entry of such a configuration: one of ours, or of another webhook. */
export interface RegisteredWebhook {
  readonly name: string;
  readonly clientConfig: {
    readonly service?: {
      readonly namespace: string;
      readonly name: string;
      readonly path?: string;
      readonly port?: number;
    };
    readonly url?: string;
    /** PEM in base64. */
    readonly caBundle?: string;
  };
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[];
    readonly apiVersions?: readonly string[];
    readonly operations?: readonly string[];
    readonly resources?: readonly string[];
    readonly scope?: string;
  }[];
  readonly namespaceSelector?: NamespaceSelector;
  readonly objectSelector?: LabelSelector;
  readonly matchConditions?: readonly MatchCondition[];
  readonly failurePolicy?: string;
  readonly matchPolicy?: string;
  readonly sideEffects?: string;
  readonly timeoutSeconds?: number;
  readonly admissionReviewVersions?: readonly string[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** The Service that our entries call. */
export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
}

/** Whether an entry calls our Service: entries of other webhooks may stand beside ours. */
export function isOurs(
  { clientConfig: { service } }: Pick<RegisteredWebhook, 'clientConfig'>,
  { namespace, name }: ServiceReference,
): boolean {
  return service?.namespace === namespace && service.name === name;
}

/** The entries that call our Service. */
export function ourWebhooks(
  configuration: Pick<RegisteredConfiguration, 'webhooks'> | undefined,
  service: ServiceReference,
): readonly RegisteredWebhook[] {
  return (configuration?.webhooks ?? []).filter((entry) => isOurs(entry, service));
}

/** What an entry trusts, as PEM; `''` where it has no `caBundle`. */
export function caBundleOf({ clientConfig }: Pick<RegisteredWebhook, 'clientConfig'>): string {
  return Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8');
}

/** What our entries trust, as PEM, each text once: one where all agree, none where no entry is ours. */
export function registeredCaBundles(
  configuration: Pick<RegisteredConfiguration, 'webhooks'> | undefined,
  service: ServiceReference,
): readonly string[] {
  return [...new Set(ourWebhooks(configuration, service).map(caBundleOf))];
}

/** The fields in which two entries differ. `clientConfig` is two: `service` or `url`, and `caBundle`. */
export function differingFields(is: RegisteredWebhook, should: RegisteredWebhook): readonly string[] {
  return differingKeys(flat(withoutDefaults(is)), flat(withoutDefaults(should)));
}

/** The keys whose values differ. */
export function differingKeys(is: object, should: object): readonly string[] {
  const [one, other] = [new Map(Object.entries(is)), new Map(Object.entries(should))];
  return [...new Set([...one.keys(), ...other.keys()])].filter(
    (key) => !isDeepStrictEqual(one.get(key), other.get(key)),
  );
}

function flat({ clientConfig, ...entry }: RegisteredWebhook): object {
  return { ...entry, ...clientConfig };
}

/** The API server adds an empty `objectSelector` to an entry without one. */
function withoutDefaults({ objectSelector, ...entry }: RegisteredWebhook): RegisteredWebhook {
  return objectSelector === undefined || Object.keys(objectSelector).length === 0
    ? entry
    : { ...entry, objectSelector };
}

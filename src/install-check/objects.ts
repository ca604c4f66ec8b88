import type { NamespaceSelector } from '../install/webhook-configuration.ts';

/** Kubernetes objects, as far as the checks read them. */
export interface Named {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
    }[];
  };
}

export interface Listed<T> {
  readonly items: readonly T[];
}

/** A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration. */
export interface Registered extends Named {
  readonly webhooks?: readonly RegisteredWebhook[];
}

export interface RegisteredWebhook {
  readonly name: string;
  readonly clientConfig: {
    readonly url?: string;
    readonly service?: {
      readonly namespace: string;
      readonly name: string;
      readonly path?: string;
      readonly port?: number;
    };
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
  readonly objectSelector?: NamespaceSelector;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly failurePolicy?: string;
  readonly timeoutSeconds?: number;
}

export interface Service extends Named {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly externalName?: string;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: string | number;
    }[];
  };
}

export interface Deployment extends Named {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly name: string;
          readonly args?: readonly string[];
          readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
        }[];
        readonly volumes?: readonly {
          readonly name: string;
          readonly configMap?: { readonly name: string };
        }[];
      };
    };
  };
  readonly status?: { readonly availableReplicas?: number };
}

export interface ConfigMap extends Named {
  readonly data?: Readonly<Record<string, string>>;
}

export interface Node extends Named {
  readonly status?: { readonly nodeInfo?: { readonly osImage?: string } };
}

/** What /version answers. */
export interface Version {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}

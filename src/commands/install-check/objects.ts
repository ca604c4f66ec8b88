import type { RegisteredConfiguration } from '../../registration/registered-webhook.ts';

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
export type Registered = Named & Pick<RegisteredConfiguration, 'webhooks'>;

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

/** The answer to GET /version. */
export interface Version {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}

import { POD_CONTROLLERS } from '../kubernetes/identities.ts';
import type { LabelSelector } from '../kubernetes/label-selector.ts';

/** What is known of the objects that pods come from, or are taken for: from watches, or read at once. */
export interface ObjectIndex {
  /**
   * Whether all there is of this namespace is here, as far as anybody can say. Where not, what is missing says nothing.
   */
  complete(namespace: string): boolean;
  workload(reference: WorkloadReference): Workload | undefined;
  workloadsIn(namespace: string): Iterable<Workload>;
  /** What a StatefulSet's pod was made from: the ControllerRevision that its label `controller-revision-hash` names. */
  revision(namespace: string, name: string): Revision | undefined;
  servicesIn(namespace: string): Iterable<Service>;
  /** Nodes belong to no namespace; `complete` says nothing of them where there are none at all. */
  node(name: string): Node | undefined;
}

/** The kinds whose controllers make pods. A Deployment's are its ReplicaSet's, a CronJob's its Job's. */
export type WorkloadKind = keyof typeof POD_CONTROLLERS;
export const WORKLOAD_KINDS = Object.keys(POD_CONTROLLERS) as readonly WorkloadKind[];

interface WorkloadReference {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

/** A workload as far as its pods can be held against it; everything else of it is let go. */
export interface Workload extends WorkloadReference {
  readonly apiVersion: string;
  readonly uid: string;
  /** Absent: it selects nothing. A ReplicationController's is one with `matchLabels` only. */
  readonly selector?: LabelSelector;
  readonly template: PodTemplate;
  /** Its controller, such as the Deployment of a ReplicaSet. */
  readonly owner?: { readonly kind: string; readonly name: string };
  /** Of a Job: its pods carry their index in their names. */
  readonly indexed?: boolean;
  /** When its template was last seen to change (ms since the epoch); absent where nobody watched. */
  readonly changedAt?: number;
}

/** What a pod's template says of its containers, init containers among them: image by container name. */
export interface PodTemplate {
  readonly images: Readonly<Record<string, string>>;
}

/** A ControllerRevision (apps/v1) of a StatefulSet. */
export interface Revision {
  readonly namespace: string;
  readonly name: string;
  /** The uid of the StatefulSet it is of. */
  readonly ownerUid: string;
  readonly template: PodTemplate;
}

export interface Service {
  readonly namespace: string;
  readonly name: string;
  /** Without a selector it selects nothing. */
  readonly selector: Readonly<Record<string, string>>;
}

export interface Node {
  readonly name: string;
  readonly uid: string;
}

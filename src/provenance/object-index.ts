import { POD_CONTROLLERS } from '../kubernetes/identities.ts';
import type { LabelSelector } from '../kubernetes/label-selector.ts';

/** The objects that pods come from or pass for, as watches tell of them or as a list had them. */
export interface ObjectIndex {
  /**
   * Whether every object of this namespace is known. Where not, an object that is missing here may exist.
   */
  complete(namespace: string): boolean;
  workload(reference: WorkloadReference): Workload | undefined;
  workloadsIn(namespace: string): Iterable<Workload>;
  /** The ControllerRevision that a StatefulSet's pod was made from and names in its label `controller-revision-hash`. */
  revision(namespace: string, name: string): Revision | undefined;
  servicesIn(namespace: string): Iterable<Service>;
  /** `complete` says nothing of Nodes where none is known at all. */
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

/** The parts of a workload that its pods are compared with. */
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
  /** When its template was last seen to change (ms since the epoch); absent where it is not watched. */
  readonly changedAt?: number;
}

/** The images of a pod template by container name, init containers among them. */
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

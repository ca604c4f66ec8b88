import { expect, it } from '@jest/globals';
import { loggedProvenance } from '../../src/provenance/logged-provenance.ts';
import { provenanceOf } from '../../src/provenance/provenance.ts';
import { provenanceRecord } from '../../src/records/provenance-record.ts';
import { ADMIN, ALL, GENUINE, NOT_SYNCED, subject } from '../provenance/cluster.ts';

const { user, ...options } = GENUINE['of a DaemonSet'];

it.each<[string, Readonly<Record<string, unknown>> | undefined, unknown]>([
  [
    'a pod its controller made',
    provenanceOf(subject(user, options), ALL).fields,
    { creator: 'controller', owner: { verified: true, imagesMatch: true } },
  ],
  [
    'a pod with another image',
    provenanceOf(subject(user, { ...options, images: {} }), ALL).fields,
    { creator: 'controller', owner: { verified: true, imagesMatch: false } },
  ],
  [
    'a pod whose owner could not be looked up',
    provenanceOf(subject(user, options), NOT_SYNCED).fields,
    {
      creator: 'controller',
      owner: { verified: 'unknown', problem: 'unknown', imagesMatch: 'unknown' },
      imitates: 'unknown',
    },
  ],
  [
    'a disguise',
    provenanceOf(subject(ADMIN, { name: 'db-1', images: { c: 'db:2' } }), ALL).fields,
    {
      creator: 'user',
      imitates: 'StatefulSet db',
      evidence: ['name db-1 is one that StatefulSet db gives its pods'],
    },
  ],
  ['a log', loggedProvenance({ verb: 'create' }), undefined],
  ['nothing found', undefined, undefined],
])('of %s', (_, fields, expected) => {
  expect(provenanceRecord(fields)).toEqual(expected);
});

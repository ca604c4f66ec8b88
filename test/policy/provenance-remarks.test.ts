import { describe, expect, it } from '@jest/globals';
import { provenanceRemarks } from '../../src/policy/provenance-remarks.ts';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';
import { load, rule } from './rulesets.ts';

function remarks(detection: object, provenance: Readonly<Record<string, unknown>>, limit = 120) {
  const [loaded] = load([rule(1, { verb: 'create', 'objectRef.resource': 'pods', ...detection })]).rules;
  if (loaded === undefined) throw new Error('no rule');
  return provenanceRemarks(loaded, { verb: 'create', provenance }, limit);
}

const BY_OWNER = { 'provenance.owner.verified': false };
const BY_IMITATION = { 'provenance.imitates|exists': true };
const FOUND = {
  owner: { verified: false, problem: 'no DaemonSet kube-proxy with uid x in kube-system' },
  imitates: 'DaemonSet kube-proxy',
  evidence: [
    'name kube-proxy-bv61v has a suffix no controller generates',
    'image evil:1 differs from DaemonSet kube-proxy',
  ],
};
const OWNER = 'Its owner is not verified: no DaemonSet kube-proxy with uid x in kube-system';
const IMITATION =
  'It imitates DaemonSet kube-proxy: name kube-proxy-bv61v has a suffix no controller generates';

describe('what is said of who made a pod', () => {
  it.each<[string, object, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['begins with the owner where the rule asks for it', BY_OWNER, FOUND, [OWNER, IMITATION]],
    ['begins with whom it imitates where the rule asks that', BY_IMITATION, FOUND, [IMITATION, OWNER]],
    ['is nothing where the rule asks for neither', { verb: 'create' }, FOUND, []],
    [
      'is nothing of what is unknown',
      BY_OWNER,
      { owner: { verified: UNKNOWN, problem: UNKNOWN }, imitates: UNKNOWN, evidence: UNKNOWN },
      [],
    ],
    ['is nothing of what is not there', BY_IMITATION, {}, []],
  ])('%s', (_, detection, provenance, expected) => {
    expect(remarks(detection, provenance)).toEqual(expected);
  });

  it('has as much of the evidence as fits', () => {
    expect(remarks(BY_IMITATION, FOUND, 300)).toEqual([`${IMITATION}; ${FOUND.evidence[1]}`, OWNER]);
  });

  it('is bounded and printable, whatever a client wrote', () => {
    const owner = { verified: false, problem: `generateName \u0007${'x'.repeat(500)} is not one` };
    const [remark = ''] = remarks(BY_OWNER, { owner });
    expect(remark).toHaveLength(120);
    expect(remark).toMatch(/^Its owner is not verified: generateName \u{fffd}x+…x+ is not one$/u);
  });
});

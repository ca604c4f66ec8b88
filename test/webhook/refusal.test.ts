import { describe, expect, it } from '@jest/globals';
import { statusOf } from '../../src/webhook/refusal.ts';
import { WorkLimitExceeded } from '../../src/sigma/match/work-meter.ts';

describe('a review whose texts would take too long to search', () => {
  it('is an error that says so and which request it was, never a verdict', () => {
    expect(statusOf(new WorkLimitExceeded(), 'a-uid')).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message:
        'no verdict: searching its texts with the regular expressions and field references of the rules takes too long',
      reason: 'InternalError',
      details: { uid: 'a-uid' },
      code: 500,
    });
  });
});

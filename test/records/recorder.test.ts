import { expect, it } from '@jest/globals';
import { union, type Judgement } from '../../src/records/recorder.ts';

it('tells of a recorder that fails, and lets the others record', () => {
  const [recorded, faults]: [Judgement[], unknown[]] = [[], []];
  const fault = new Error('no record');
  const failing = {
    record() {
      throw fault;
    },
  };
  const recorder = union([failing, { record: (judged) => recorded.push(judged) }], (error) =>
    faults.push(error),
  );
  const judged = {} as Judgement;
  recorder.record(judged);
  expect([recorded, faults]).toEqual([[judged], [fault]]);
});

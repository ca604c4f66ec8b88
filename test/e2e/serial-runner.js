import TestRunner from 'jest-runner';

/** Runs one file after another: a webhook configuration is for the whole cluster, and there is one cluster. */
export default class SerialRunner extends TestRunner {
  isSerial = true;
}

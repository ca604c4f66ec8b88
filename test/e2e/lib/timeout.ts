import { afterAll, jest } from '@jest/globals';
import { endLeftovers } from '../../control-plane/stop-process.ts';

jest.setTimeout(60_000);
afterAll(endLeftovers);

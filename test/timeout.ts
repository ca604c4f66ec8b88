import { jest } from '@jest/globals';

/** Six times jest's own: a test that fills both cores, or runs beside one that does, is slow and not wrong. */
jest.setTimeout(30_000);

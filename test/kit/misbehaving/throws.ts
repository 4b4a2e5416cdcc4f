throw new RangeError('out of luck');

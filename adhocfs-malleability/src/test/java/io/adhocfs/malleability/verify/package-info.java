@NullMarked
package io.adhocfs.malleability.verify;

import org.jspecify.annotations.NullMarked;

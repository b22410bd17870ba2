/* What a step would do, line by line, with the members of containers in their order. */
#ifndef PLAN_LINES_H
#define PLAN_LINES_H

#include "lang/step.h"

/* [[label, text], …]: of the step itself and of all that stands in it; owned. A text is cut
 * behind `most` bytes, since the whole is in the run's directory; 0: never. */
value plan_lines(const struct step *step, size_t most);

#endif

/* The variadic suite functions, which stable Rust cannot define.
 *
 * Each asks the Rust side for the number and types of the arguments, collects them and passes them on.
 * The types are those of the published OpenFX interface. */

#include <stdarg.h>
#include <stdio.h>

typedef struct {
  int whole;
  double real;
  void *pointer;
} openfx_argument;

/* In Rust: returns the number of arguments and writes 'p', 'i' or 'd' for each; a negative result is a negated status. */
extern int openfx_host_arguments(void *param, int setting, char *types);
/* In Rust: executes the call. */
extern int openfx_host_param(int operation, void *param, double time1, double time2,
                               const openfx_argument *arguments, int count);
extern int openfx_host_message(int persistent, void *handle, const char *type, const char *id, const char *text);

enum { GET, GET_AT_TIME, DERIVATIVE, INTEGRAL, SET, SET_AT_TIME };

static int call(int operation, void *param, double time1, double time2, va_list list) {
  openfx_argument arguments[4];
  char types[4];
  int setting = operation >= SET;
  int count = openfx_host_arguments(param, setting, types);
  if (count < 0) {
    return -count;
  }
  for (int i = 0; i < count; ++i) {
    arguments[i].whole = 0;
    arguments[i].real = 0;
    arguments[i].pointer = NULL;
    switch (types[i]) {
    case 'i':
      arguments[i].whole = va_arg(list, int);
      break;
    case 'd':
      arguments[i].real = va_arg(list, double);
      break;
    default:
      arguments[i].pointer = va_arg(list, void *);
      break;
    }
  }
  return openfx_host_param(operation, param, time1, time2, arguments, count);
}

#define CALL(operation, last, time1, time2)                                                                            \
  va_list list;                                                                                                        \
  va_start(list, last);                                                                                                \
  int status = call(operation, param, time1, time2, list);                                                             \
  va_end(list);                                                                                                        \
  return status

int openfx_param_get_value(void *param, ...) { CALL(GET, param, 0, 0); }

int openfx_param_get_value_at_time(void *param, double time, ...) { CALL(GET_AT_TIME, time, time, 0); }

int openfx_param_get_derivative(void *param, double time, ...) { CALL(DERIVATIVE, time, time, 0); }

int openfx_param_get_integral(void *param, double time1, double time2, ...) { CALL(INTEGRAL, time2, time1, time2); }

int openfx_param_set_value(void *param, ...) { CALL(SET, param, 0, 0); }

int openfx_param_set_value_at_time(void *param, double time, ...) { CALL(SET_AT_TIME, time, time, 0); }

#define MESSAGE(persistent)                                                                                            \
  char text[8192];                                                                                                     \
  text[0] = 0;                                                                                                         \
  if (format) {                                                                                                        \
    va_list list;                                                                                                      \
    va_start(list, format);                                                                                            \
    vsnprintf(text, sizeof text, format, list);                                                                        \
    va_end(list);                                                                                                      \
  }                                                                                                                    \
  return openfx_host_message(persistent, handle, type, id, text)

int openfx_message(void *handle, const char *type, const char *id, const char *format, ...) { MESSAGE(0); }

int openfx_set_persistent_message(void *handle, const char *type, const char *id, const char *format, ...) {
  MESSAGE(1);
}

/* opener MODULE: opens it as an interpreter does, and tells what is loaded then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

static int tell(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size, (void)data;
  if (info->dlpi_name[0])
    printf("at %s\n", info->dlpi_name);
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && !dlopen(argv[1], RTLD_NOW))
    printf("error %s\n", dlerror());
  return dl_iterate_phdr(tell, 0);
}

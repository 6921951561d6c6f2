#include "proxy/command_line.hpp"

int main(int argc, char** argv) {
    return rekey::proxy::run_command_line(argc, argv);
}

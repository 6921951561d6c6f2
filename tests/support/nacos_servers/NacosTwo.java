import com.alibaba.nacos.core.code.ControllerMethodsCache;
import com.alibaba.nacos.plugin.auth.exception.AccessException;
import com.alibaba.nacos.sys.filter.NacosTypeExcludeFilter;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.AutoConfigurationExcludeFilter;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.TypeExcludeFilter;
import org.springframework.boot.web.servlet.ServletComponentScan;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.FilterType;
import org.springframework.context.annotation.Import;
import org.springframework.http.ResponseEntity;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/** Starts the server of Nacos 2 with its configuration part only, and does what its console would do for that. */
@SpringBootApplication
@ComponentScan(
    basePackages = "com.alibaba.nacos",
    excludeFilters = {
        @ComponentScan.Filter(type = FilterType.CUSTOM, classes = NacosTypeExcludeFilter.class),
        @ComponentScan.Filter(type = FilterType.CUSTOM, classes = TypeExcludeFilter.class),
        @ComponentScan.Filter(type = FilterType.CUSTOM, classes = AutoConfigurationExcludeFilter.class)})
@Import(NacosTwo.Refusals.class)
@ServletComponentScan("com.alibaba.nacos")
@EnableScheduling
public class NacosTwo {
    @RestControllerAdvice
    public static class Refusals {
        @ExceptionHandler(AccessException.class)
        ResponseEntity<String> refused(AccessException exception) {
            return ResponseEntity.status(403).body(exception.getErrMsg());
        }
    }

    /** Which permission a request needs is looked up by its path. */
    @Bean
    InitializingBean requests(ControllerMethodsCache cache) {
        return () -> {
            cache.initClassMethod("com.alibaba.nacos.core.controller");
            cache.initClassMethod("com.alibaba.nacos.config.server.controller");
            cache.initClassMethod("com.alibaba.nacos.plugin.auth.impl.controller");
        };
    }

    public static void main(String[] arguments) {
        SpringApplication.run(NacosTwo.class, arguments);
    }
}
